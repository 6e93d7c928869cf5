"""Small charts from numbers: where each bar stands, for our own SVG partials. Every bar is a link with its words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 560, 180, 40, 24, 8
MOST_LABELS = 6


@dataclass(frozen=True, slots=True)
class Group:
    """What stands side by side at one place of the axis: a value for each series, what it says, where it leads."""

    label: str
    values: tuple[float, ...]
    words: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle in the chart's own units; `series` picks its fill."""

    x: float
    y: float
    width: float
    height: float
    series: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """One group as it is drawn: its bars, and the strip around them that can be clicked."""

    group: Group
    x: float
    width: float
    bars: tuple[Bar, ...]
    is_labelled: bool

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 1)


@dataclass(frozen=True, slots=True)
class Columns:
    """A chart of upright bars. `lines` are the horizontal rules with their numbers."""

    groups: tuple[Drawn, ...]
    lines: tuple[tuple[float, str], ...]
    series: tuple[str, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    base: int = HEIGHT - BOTTOM


@dataclass(frozen=True, slots=True)
class Row:
    """One lying bar: how much of the longest, in percent."""

    name: str
    words: str
    length: float
    address: str


def columns(groups: Sequence[Group], series: Sequence[str], *, unit: str = "", step: float = 1.0) -> Columns:
    """Upright bars for groups in their order. `step` is how much of a value makes one `unit` on the axis."""
    largest = max((value for group in groups for value in group.values), default=0) / step
    top = nice(largest)
    room = (WIDTH - LEFT) / max(len(groups), 1)
    every = math.ceil(len(groups) / MOST_LABELS)
    drawn = tuple(
        _group(group, LEFT + place * room, room, top * step, is_labelled=(len(groups) - 1 - place) % every == 0)
        for place, group in enumerate(groups)
    )
    lines = tuple((_height_of(part, 1.0), f"{top * part:g}{unit}") for part in (0.0, 0.5, 1.0))
    return Columns(drawn, lines, tuple(series))


def _group(group: Group, x: float, room: float, top: float, *, is_labelled: bool) -> Drawn:
    wide = room * 0.7 / len(group.values)
    bars = []
    for series, value in enumerate(group.values):
        y = _height_of(value, top)
        bars.append(Bar(round(x + room * 0.15 + series * wide, 1), y, round(wide, 1), HEIGHT - BOTTOM - y, series))
    return Drawn(group, round(x, 1), round(room, 1), tuple(bars), is_labelled)


def _height_of(value: float, top: float) -> float:
    """The upper edge of a bar; a value that is not nothing is always to be seen."""
    room = HEIGHT - BOTTOM - TOP
    length = min(value / top, 1.0) * room if top else 0.0
    return round(HEIGHT - BOTTOM - (max(length, 1.5) if value else 0.0), 1)


def nice(largest: float) -> float:
    """The smallest of 2, 4, 10, 20, 40, 100 ... that is not below the largest value: its half is a whole number."""
    if largest <= 2:
        return 2.0
    power = 10.0 ** math.floor(math.log10(largest))
    return next(power * factor for factor in (1, 2, 4, 10) if power * factor >= largest)


def rows(found: Sequence[tuple[str, float, str, str]]) -> list[Row]:
    """Lying bars from name, value, words and address."""
    longest = max((value for _, value, _, _ in found), default=0)
    return [Row(name, words, _percent(value, longest), address) for name, value, words, address in found]


def _percent(value: float, longest: float) -> float:
    return round(max(100 * value / longest, 0.5), 1) if longest and value else 0.0
