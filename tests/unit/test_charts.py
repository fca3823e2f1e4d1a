"""Charts say what the numbers say, to those who see them and to those who do not."""

import pytest

from wizard.charts import LEVELS, bars, tile_map
from wizard.filters import options
from wizard.flows.commitment import COMMITMENT

STATES = options(COMMITMENT)["state"]


def test_every_state_and_territory_has_a_tile_of_its_own():
    tiles = tile_map({}, STATES).tiles
    assert {tile.code for tile in tiles} == set(STATES)
    assert len({(tile.column, tile.row) for tile in tiles}) == len(STATES) == 56


def test_a_fill_grows_with_its_number_and_none_is_left_out():
    counts = {"CA": 900, "TX": 400, "FL": 100, "VT": 1, "GA": 0}
    level = {tile.code: tile.level for tile in tile_map(counts, STATES).tiles}
    assert [level[code] for code in counts] == [LEVELS, 3, 2, 1, 0]


def test_one_large_state_does_not_make_the_others_alike():
    counts = {"CA": 100_000, "TX": 7_000, "VT": 10}
    level = {tile.code: tile.level for tile in tile_map(counts, STATES).tiles}
    assert level["CA"] > level["TX"] > level["VT"] > level["WY"] == 0


@pytest.mark.parametrize(
    ("most", "ticks"),
    [(0, [0, 1]), (1, [0, 1]), (4, [0, 1, 2, 3, 4]), (5, [0, 2, 4, 6]), (23, [0, 10, 20, 30]),
     (606, [0, 200, 400, 600, 800]), (8_001, [0, 5_000, 10_000])],
)  # fmt: skip
def test_an_axis_has_a_few_round_numbers_and_covers_the_largest(most, ticks):
    chart = bars([("a", most)])
    assert [tick.number for tick in chart.ticks] == ticks
    assert chart.marks[0].share <= chart.ticks[-1].share == 1


def test_the_words_name_the_largest_ones():
    assert bars([("a", 1), ("b", 5), ("c", 0), ("d", 3), ("e", 2)]).words == (
        "11 in all. Most: b 5, d 3, e 2."
    )
    assert bars([]).words == tile_map({}, STATES).words == "Nothing yet."


def test_chart_without_numbers_is_empty():
    assert bars([]).is_empty and bars([("a", 0)]).is_empty and tile_map({}, STATES).is_empty
    assert not bars([("a", 0), ("b", 1)]).is_empty and not tile_map({"FL": 1}, STATES).is_empty


def test_unknown_state_changes_no_tile():
    assert tile_map({"FL": 1, "": 900, "new-state": 900}, STATES) == tile_map({"FL": 1}, STATES)


@pytest.mark.parametrize(
    ("number", "short"),
    [(0, "0"), (999, "999"), (1_000, "1.0k"), (9_949, "9.9k"), (9_950, "10k"), (12_345, "12k")],
)
def test_a_number_fits_its_tile(number, short):
    chart = bars([("a", number)])
    assert chart.marks[0].short == short
