"""Shortening of long diffs to their changes, with some context around each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from syncapp.review.diff.text import Part, PartKind

CONTEXT = 48  # characters that are kept on each side of a change
MAX_LENGTH = 240  # characters of a text that is not shortened, and of one part


def shorten(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Shorten a long diff to its changes and CONTEXT characters around each; cut off very long parts."""
    if sum(len(part.text) for part in parts) <= MAX_LENGTH:
        return parts
    if not any(part.changed for part in parts):
        return tuple(_beginning(parts))
    near = [any(p.changed for p in parts[max(0, i - 1) : i + 2]) for i in range(len(parts))]
    cut: list[Part] = []
    for i, part in enumerate(parts):
        for piece in _shorten_part(parts, i, part, near=near[i]):
            if not (piece.kind is PartKind.GAP and cut and cut[-1].kind is PartKind.GAP):
                cut.append(piece)
    return tuple(_beginning(cut))


def _shorten_part(parts: tuple[Part, ...], i: int, part: Part, *, near: bool) -> Iterator[Part]:
    if part.changed or part.kind is not PartKind.TEXT:
        if part.changed or near:
            yield part
        else:
            yield Part("", PartKind.GAP)
        return
    after = i > 0 and parts[i - 1].changed
    before = i + 1 < len(parts) and parts[i + 1].changed
    if after and before and len(part.text) <= 2 * CONTEXT:
        yield part
        return
    is_short = len(part.text) <= CONTEXT
    if after:
        yield Part(part.text if is_short else part.text[:CONTEXT].rsplit(" ", 1)[0])
    yield Part("", PartKind.GAP)
    if before:
        yield Part(part.text if is_short else part.text[-CONTEXT:].split(" ", 1)[-1])


def _beginning(parts: Iterable[Part]) -> Iterator[Part]:
    """Yield the first parts, up to a length that fits a row of the page."""
    remaining = 2 * MAX_LENGTH
    for part in (replace(part, text=part.text[:MAX_LENGTH]) for part in parts):
        if remaining <= 0:
            yield Part("", PartKind.GAP)
            return
        yield part
        if len(part.text) == MAX_LENGTH:
            yield Part("", PartKind.GAP)
        remaining -= len(part.text)
