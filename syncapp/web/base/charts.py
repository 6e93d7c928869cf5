"""Bar charts: the geometry for our SVG templates. Each bar is a link with a text alternative."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 560, 180, 40, 24, 8
MAX_LABELS = 6


@dataclass(frozen=True, slots=True)
class Group:
    """The bars at one position on the axis: a value per series, the text alternative and the link."""

    label: str
    values: tuple[float, ...]
    words: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle in the chart's units; `series` selects its color."""

    x: float
    y: float
    width: float
    height: float
    series: int


@dataclass(frozen=True, slots=True)
class DrawnGroup:
    """A group with the geometry of its bars and of the clickable strip around them."""

    group: Group
    x: float
    width: float
    bars: tuple[Bar, ...]
    is_labeled: bool

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 1)


@dataclass(frozen=True, slots=True)
class Columns:
    """A chart of vertical bars. `lines` are the grid lines with their labels."""

    groups: tuple[DrawnGroup, ...]
    lines: tuple[tuple[float, str], ...]
    series: tuple[str, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    base: int = HEIGHT - BOTTOM


@dataclass(frozen=True, slots=True)
class Row:
    """A horizontal bar; `length` is a percentage of the longest bar."""

    name: str
    words: str
    length: float
    address: str


def columns(groups: Sequence[Group], series: Sequence[str], *, unit: str = "", step: float = 1.0) -> Columns:
    """Lay out vertical bars for the groups. The axis shows values divided by `step`, followed by `unit`."""
    largest = max((value for group in groups for value in group.values), default=0) / step
    top = axis_top(largest)
    width = (WIDTH - LEFT) / max(len(groups), 1)
    labels_every = math.ceil(len(groups) / MAX_LABELS)
    drawn = []
    for index, group in enumerate(groups):
        x, bar_width, bars = LEFT + index * width, width * 0.7 / len(group.values), []
        for place, value in enumerate(group.values):
            left, y = x + width * 0.15 + place * bar_width, _upper_edge(value, top * step)
            bars.append(Bar(round(left, 1), y, round(bar_width, 1), HEIGHT - BOTTOM - y, place))
        is_labeled = (len(groups) - 1 - index) % labels_every == 0
        drawn.append(DrawnGroup(group, round(x, 1), round(width, 1), tuple(bars), is_labeled))
    lines = tuple((_upper_edge(part, 1.0), f"{top * part:g}{unit}") for part in (0.0, 0.5, 1.0))
    return Columns(tuple(drawn), lines, tuple(series))


def _upper_edge(value: float, top: float) -> float:
    """Return the y coordinate of a bar's upper edge; a bar above 0 is high enough to be seen."""
    height = HEIGHT - BOTTOM - TOP
    length = min(value / top, 1.0) * height if top else 0.0
    return round(HEIGHT - BOTTOM - (max(length, 1.5) if value else 0.0), 1)


def axis_top(largest: float) -> float:
    """Return the smallest of 2, 4, 10, 20, 40, 100 ... that is at least `largest`, so its half is a whole number."""
    if largest <= 2:
        return 2.0
    power = 10.0 ** math.floor(math.log10(largest))
    return next(power * factor for factor in (1, 2, 4, 10) if power * factor >= largest)


def rows(found: Sequence[tuple[str, float, str, str]]) -> list[Row]:
    """Lay out horizontal bars from (name, value, words, address)."""
    longest = max((value for _, value, _, _ in found), default=0)
    return [
        Row(name, words, round(max(100 * value / longest, 0.5), 1) if value else 0.0, address)
        for name, value, words, address in found
    ]
