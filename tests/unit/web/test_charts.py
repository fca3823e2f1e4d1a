"""Tests of chart data: tiles, bars, axes, text summaries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.flows.commitment import COMMITMENT
from wizard.submissions.filters import filter_options
from wizard.web.charts import FILL_LEVELS, make_bars, make_tile_map

STATES = filter_options(COMMITMENT)["state"]


def test_each_state_has_its_own_tile():
    tiles = make_tile_map({}, STATES).tiles
    assert {tile.code for tile in tiles} == set(STATES)
    assert len({(tile.column, tile.row) for tile in tiles}) == len(STATES) == 56


def test_tile_level_grows_with_count():
    counts = {"CA": 900, "TX": 400, "FL": 100, "VT": 1, "GA": 0}
    level = {tile.code: tile.level for tile in make_tile_map(counts, STATES).tiles}
    assert [level[code] for code in counts] == [FILL_LEVELS, 3, 2, 1, 0]


def test_outlier_keeps_levels_distinct():
    counts = {"CA": 100_000, "TX": 7_000, "VT": 10}
    level = {tile.code: tile.level for tile in make_tile_map(counts, STATES).tiles}
    assert level["CA"] > level["TX"] > level["VT"] > level["WY"] == 0


@given(st.integers(1, 20_000), st.data())
def test_legend_names_the_fill_of_every_number(most, data):
    number = data.draw(st.integers(0, most))
    found = make_tile_map({"CA": most, "VT": number}, STATES)
    level = {tile.code: tile.level for tile in found.tiles}["VT"]
    low, _, high = dict(found.legend)[level].replace(",", "").partition("–")
    assert int(low) <= number <= int(high or low)


def test_legend_leaves_out_what_no_number_has():
    assert make_tile_map({"CA": 2}, STATES).legend == ((0, "0"), (3, "1"), (4, "2"))


@pytest.mark.parametrize(
    ("most", "ticks"),
    [(0, [0, 1]), (1, [0, 1]), (4, [0, 1, 2, 3, 4]), (5, [0, 2, 4, 6]), (23, [0, 10, 20, 30]),
     (606, [0, 200, 400, 600, 800]), (8_001, [0, 5_000, 10_000])],
)  # fmt: skip
def test_axis_has_round_ticks_and_covers_maximum(most, ticks):
    chart = make_bars([("a", most)])
    assert [tick.number for tick in chart.ticks] == ticks
    assert chart.marks[0].share <= chart.ticks[-1].share == 1


def test_summary_names_largest_values():
    assert make_bars([("a", 1), ("b", 5), ("c", 0), ("d", 3), ("e", 2)]).summary == (
        "Total: 11. Highest: b 5, d 3, e 2."
    )
    assert make_bars([]).summary == make_tile_map({}, STATES).summary == "No data yet."


def test_chart_without_numbers_is_empty():
    assert (
        make_bars([]).is_empty
        and make_bars([("a", 0)]).is_empty
        and make_tile_map({}, STATES).is_empty
    )
    assert (
        not make_bars([("a", 0), ("b", 1)]).is_empty
        and not make_tile_map({"FL": 1}, STATES).is_empty
    )


def test_unknown_state_changes_no_tile():
    assert make_tile_map({"FL": 1, "": 900, "new-state": 900}, STATES) == make_tile_map(
        {"FL": 1}, STATES
    )


@pytest.mark.parametrize(
    ("number", "short"),
    [(0, "0"), (999, "999"), (1_000, "1.0k"), (9_949, "9.9k"), (9_950, "10k"), (12_345, "12k")],
)
def test_tile_number_is_shortened(number, short):
    chart = make_bars([("a", number)])
    assert chart.marks[0].short == short
