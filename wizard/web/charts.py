"""Charts as numbers and places: a template draws them as SVG, each number written out beside."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..forms.messages import Message, join_messages

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
"""Where each state and territory lies, roughly, as one tile of the same size."""
FILL_LEVELS = 4
"""Steps of a tile's fill, above none."""
MAX_TICKS = 4


@dataclass(frozen=True, slots=True)
class Number:
    """Something counted."""

    name: str
    number: int

    @property
    def short(self) -> str:
        """The number where there is room for four signs: 987, 1.2k, 12k."""
        if self.number < 1_000:
            return str(self.number)
        return f"{self.number / 1000:.{0 if self.number >= 9_950 else 1}f}k"


@dataclass(frozen=True, slots=True)
class Mark(Number):
    """A number to draw; `share` is its part of the axis, from 0 to 1."""

    share: float


@dataclass(frozen=True, slots=True)
class Tile(Number):
    """A state or territory; `column` and `row` count from 0, `level` from 0 to `LEVELS`."""

    code: str
    column: int
    row: int
    level: int


@dataclass(frozen=True, slots=True)
class TileMap:
    """The states as tiles; `words` say what is seen, for who does not see it."""

    tiles: tuple[Tile, ...]
    words: str
    columns: int
    rows: int

    @property
    def is_empty(self) -> bool:
        """Return True if nothing was counted in any state."""
        return not any(tile.number for tile in self.tiles)


@dataclass(frozen=True, slots=True)
class Bars:
    """Marks side by side on one axis, with its round numbers."""

    marks: tuple[Mark, ...]
    words: str
    ticks: tuple[Mark, ...]

    @property
    def is_empty(self) -> bool:
        """Return True if nothing was counted."""
        return not any(mark.number for mark in self.marks)


def make_tile_map(counts: Mapping[str, int], names: Mapping[str, str]) -> TileMap:
    """Counts by state, each of the `names` a tile.

    A fill goes by the square root of its number, so that one large state leaves the small ones
    apart from each other.
    """
    most = max((counts.get(code, 0) for code in names), default=0)
    tiles = tuple(
        Tile(
            code=code,
            name=names[code],
            number=counts.get(code, 0),
            column=column,
            row=row,
            level=math.ceil(FILL_LEVELS * math.sqrt(counts.get(code, 0) / most)) if most else 0,
        )
        for row, line in enumerate(US_TILE_GRID)
        for column, code in enumerate(line.split())
        if code in names
    )
    words = _describe([(tile.name, tile.number) for tile in tiles])
    return TileMap(tiles, words, len(US_TILE_GRID[0].split()), len(US_TILE_GRID))


def make_bars(rows: Sequence[tuple[str, int]]) -> Bars:
    """Numbers by name, in the order given."""
    ticks = _ticks(max((number for _, number in rows), default=0))
    top = ticks[-1]
    marks = tuple(Mark(name, number, number / top) for name, number in rows)
    return Bars(marks, _describe(rows), tuple(Mark(f"{at:,}", at, at / top) for at in ticks))


def _ticks(most: int) -> list[int]:
    """Round numbers from 0 to no less than the largest: steps of 1, 2 or 5 and noughts."""
    size = 1
    while True:
        for step in (size, 2 * size, 5 * size):
            if step * MAX_TICKS >= most:
                return [step * place for place in range(math.ceil(max(most, 1) / step) + 1)]
        size *= 10


def _describe(rows: Sequence[tuple[str, int]]) -> Message:
    total = sum(number for _, number in rows)
    if not total:
        return Message("Nothing yet.")
    first = sorted((row for row in rows if row[1]), key=lambda row: -row[1])[:3]
    most = join_messages(
        ", ", [join_messages(" ", [name, f"{number:,}"]) for name, number in first]
    )
    return Message("%(total)s in all. Most: %(most)s.", total=f"{total:,}", most=most)
