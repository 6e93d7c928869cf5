"""A long text with its changes marked, cut down to what surrounds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from syncapp.review.diff.text import Part, PartKind

AROUND = 48  # characters that stay beside a change
MAX_LENGTH = 240  # characters of a text that needs no shortening, and of one change


def shorten(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Only what surrounds the changes, where a text is long; a very long change shows its beginning."""
    if sum(len(part.text) for part in parts) <= MAX_LENGTH:
        return parts
    if not any(part.changed for part in parts):
        return tuple(_beginning(parts))
    near = [any(p.changed for p in parts[max(0, i - 1) : i + 2]) for i in range(len(parts))]
    cut = [piece for i, part in enumerate(parts) for piece in _cut(parts, i, part, near=near[i])]
    return tuple(_beginning(_one_gap(cut)))


def _cut(parts: tuple[Part, ...], i: int, part: Part, *, near: bool) -> Iterator[Part]:
    if part.changed or part.kind is not PartKind.TEXT:
        if part.changed or near:
            yield part
        else:
            yield Part("", PartKind.GAP)
        return
    after = i > 0 and parts[i - 1].changed
    before = i + 1 < len(parts) and parts[i + 1].changed
    if after and before and len(part.text) <= 2 * AROUND:
        yield part
        return
    if after:
        yield Part(_head(part.text))
    if not after or not before or len(part.text) > 2 * AROUND:
        yield Part("", PartKind.GAP)
    if before:
        yield Part(_tail(part.text))


def _head(text: str) -> str:
    return text if len(text) <= AROUND else text[:AROUND].rsplit(" ", 1)[0]


def _tail(text: str) -> str:
    return text if len(text) <= AROUND else text[-AROUND:].split(" ", 1)[-1]


def _one_gap(parts: Iterable[Part]) -> Iterator[Part]:
    last = None
    for part in parts:
        if part.kind is PartKind.GAP and last is PartKind.GAP:
            continue
        last = part.kind
        yield part


def _beginning(parts: Iterable[Part]) -> Iterator[Part]:
    """The first parts, up to a length that a row of the page can hold."""
    left = 2 * MAX_LENGTH
    for part in (_at_most(part) for part in parts):
        if left <= 0:
            yield Part("", PartKind.GAP)
            return
        yield part
        if len(part.text) == MAX_LENGTH:
            yield Part("", PartKind.GAP)
        left -= len(part.text)


def _at_most(part: Part) -> Part:
    return replace(part, text=part.text[:MAX_LENGTH])
