"""Printing of figures: the median of several rounds, with the smallest and the largest value."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Spread:
    """The values of several rounds."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        return cls(tuple(values))

    @property
    def median(self) -> float:
        return median(self.values)

    def per(self, other: Spread) -> Spread:
        """Return the ratio of each round to the same round of the other side."""
        return Spread.of(mine / yours for mine, yours in zip(self.values, other.values, strict=True))

    def percentile(self, share: float) -> float:
        """Return the percentile for a share between 0 and 1, by nearest rank."""
        ordered = sorted(self.values)
        return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]

    def show(self, unit: str = "", *, digits: int = 2) -> str:
        """Return text such as `1.31 s (1.20..1.43)`."""
        low, high = min(self.values), max(self.values)
        shown = f"{self.median:.{digits}f}{unit}"
        return f"{shown} ({low:.{digits}f}..{high:.{digits}f})" if len(self.values) > 1 else shown


def heading(text: str) -> None:
    """Print the line above a group of figures."""
    print(f"\n{text}", flush=True)


def line(label: str, figure: str, note: str = "") -> None:
    """Print one figure, aligned in columns."""
    print(f"  {label:<58} {figure:<26} {note}".rstrip(), flush=True)


# Exit status of a process that missed a target, itself or in a child.
MISSED = 3
_missed: list[str] = []


def target(value: float, limit: float, *, unit: str = "") -> str:
    """Return in words whether a figure is at most its limit, and record a miss."""
    return _judged(f"target {limit:g}{unit}", value <= limit)


def at_least(value: float, floor: float, *, unit: str = "") -> str:
    """Return in words whether a figure reaches its minimum, and record a miss."""
    return _judged(f"target {floor:g}{unit}", value >= floor)


def _judged(wanted: str, met: bool) -> str:
    if not met:
        note_missed(wanted)
    return f"{wanted}: {'met' if met else 'MISSED'}"


def note_missed(what: str) -> None:
    """Record a miss that another process found."""
    _missed.append(what)


def missed() -> int:
    """Return how many targets have been missed so far."""
    return len(_missed)


def interleaved(rounds: int, *sides: Callable[[], float]) -> list[Spread]:
    """Measure all sides in turn, round after round, so that a slow moment affects all."""
    measured: Sequence[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for values, side in zip(measured, sides, strict=True):
            values.append(side())
    return [Spread.of(values) for values in measured]
