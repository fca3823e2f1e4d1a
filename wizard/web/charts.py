"""Data of charts, which `macros/charts.html` draws as SVG and as a table."""

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, pairwise

from ..forms.messages import Message, join_messages
from ..forms.promises import Tally

US_TILE_GRID = (
    "AK .. .. .. .. .. .. .. .. .. ME",
    ".. .. .. .. .. .. .. .. .. VT NH",
    "WA ID MT ND MN IL WI MI NY RI MA",
    "OR NV WY SD IA IN OH PA NJ CT ..",
    "CA UT CO NE MO KY WV VA MD DE ..",
    ".. AZ NM KS AR TN NC SC DC .. ..",
    ".. .. .. OK LA MS AL GA .. .. ..",
    "HI .. .. TX .. .. .. .. FL PR VI",
    "AS GU MP .. .. .. .. .. .. .. ..",
)
"""The states and territories in rows of tiles, roughly as on a map."""
FILL_LEVELS = 4
"""Fills of a tile with a number above 0. Their limits grow with the square, so that small states
differ beside a large one."""
MAX_TICKS = 4


@dataclass(frozen=True, slots=True)
class Mark:
    """A named number; `share` is its part, from 0 to 1, of the axis or of the largest number."""

    name: str
    number: int
    share: float

    @property
    def short(self) -> str:
        """The number in at most four characters: 987, 1.2k, 12k."""
        if self.number < 1_000:
            return str(self.number)
        return f"{self.number / 1000:.{0 if self.number >= 9_950 else 1}f}k"


@dataclass(frozen=True, slots=True)
class Tile(Mark):
    """A state or territory; `column` and `row` count from 0, and `level` is its fill."""

    code: str
    column: int
    row: int
    level: int


@dataclass(frozen=True, slots=True)
class TileMap:
    """A map of the states as tiles, with its text alternative.

    `legend` has the numbers of each fill that some number can have, such as (2, "5–16").
    """

    summary: str
    is_empty: bool
    tiles: tuple[Tile, ...]
    columns: int
    rows: int
    legend: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars on one axis with round ticks, and their text alternative."""

    summary: str
    is_empty: bool
    marks: tuple[Mark, ...]
    ticks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """The promises by state of one code; `share` is their number as part of the largest."""

    code: str
    name: str
    tally: Tally
    share: float

    @property
    def number(self) -> int:
        return self.tally.total


@dataclass(frozen=True, slots=True)
class Shares:
    """Bars in the colors of the states of promises, with their text alternative."""

    summary: str
    is_empty: bool
    rows: tuple[Share, ...]


def make_tile_map(counts: Mapping[str, int], names: Mapping[str, str]) -> TileMap:
    """Return the map of `counts` by state code, with a tile for each of the `names`."""
    most = max((counts.get(code, 0) for code in names), default=0)
    limits = [most * level**2 // FILL_LEVELS**2 for level in range(FILL_LEVELS + 1)]
    tiles = tuple(
        Tile(
            code=code,
            name=names[code],
            number=counts.get(code, 0),
            share=counts.get(code, 0) / (most or 1),
            column=column,
            row=row,
            level=bisect_left(limits, counts.get(code, 0)),
        )
        for row, line in enumerate(US_TILE_GRID)
        for column, code in enumerate(line.split())
        if code in names
    )
    summary = _describe([(tile.name, tile.number) for tile in tiles])
    columns, rows = len(US_TILE_GRID[0].split()), len(US_TILE_GRID)
    return TileMap(summary, not most, tiles, columns, rows, tuple(_legend(limits)))


def _legend(limits: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Yield each fill with its numbers, which end at one of the `limits`."""
    yield 0, "0"
    for level, (low, high) in enumerate(pairwise(limits), 1):
        if low < high:
            yield level, f"{high:,}" if high == low + 1 else f"{low + 1:,}–{high:,}"


def make_shares(rows: Sequence[tuple[str, str, Tally]]) -> Shares:
    """Return the bars of `(code, name, tally)` rows, in their order."""
    most = max((tally.total for _, _, tally in rows), default=0)
    shares = tuple(Share(code, name, tally, tally.total / most) for code, name, tally in rows)
    return Shares(_describe([(each.name, each.number) for each in shares]), not most, shares)


def make_bars(rows: Sequence[tuple[str, int]]) -> Bars:
    """Return the bars of `(name, number)` rows, in their order."""
    most = max((number for _, number in rows), default=0)
    ticks = _ticks(most)
    top = ticks[-1]
    marks = tuple(Mark(name, number, number / top) for name, number in rows)
    axis = tuple(Mark(f"{tick:,}", tick, tick / top) for tick in ticks)
    return Bars(_describe(rows), not most, marks, axis)


def _ticks(most: int) -> list[int]:
    """Return round numbers from 0 up to `most` or above, in steps of 1, 2 or 5 times 10ⁿ."""
    steps = (factor * 10**power for power in count() for factor in (1, 2, 5))
    step = next(step for step in steps if step * MAX_TICKS >= most)
    return [step * place for place in range(math.ceil(max(most, 1) / step) + 1)]


def _describe(rows: Sequence[tuple[str, int]]) -> Message:
    total = sum(number for _, number in rows)
    if not total:
        return Message("No data yet.")
    largest = sorted((row for row in rows if row[1]), key=lambda row: -row[1])[:3]
    items = [join_messages(" ", [name, f"{number:,}"]) for name, number in largest]
    most = join_messages(", ", items)
    return Message("Total: %(total)s. Highest: %(most)s.", total=f"{total:,}", most=most)
