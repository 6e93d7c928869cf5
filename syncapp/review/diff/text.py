"""Text diff: both texts cut into parts, with changed stretches marked and hidden characters named.

Pure functions on text that know no columns, HTML or CRM.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import groupby

from syncapp.text import characters

MAX_BY_CHARACTER = 80  # characters; longer texts are compared by words
MAX_PAIRS = 90_000  # pieces of one text times pieces of the other; above this, the whole stretch counts as changed
_SENTENCE = re.compile(r"[^.\n]*[.\n]|[^.\n]+")


class PartKind(StrEnum):
    """Kinds of parts, by how they are shown."""

    TEXT = "text"
    SPACE = "space"  # only changed blanks, since struck-out blanks look like a hyphen
    HIDDEN = "hidden"  # an invisible character, shown by its name
    BREAK = "break"
    GAP = "gap"  # omitted from a shortened text


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of one text; `name` and `code` are those of a hidden character."""

    text: str
    kind: PartKind = PartKind.TEXT
    changed: bool = False
    name: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class TextDiff:
    """Both texts of a change, in parts."""

    before: tuple[Part, ...]
    after: tuple[Part, ...]
    only_blanks: bool = False
    only_punctuation: bool = False  # letters and digits are equal; blanks, dots, dashes and the like differ


@dataclass(frozen=True, slots=True)
class _Run:
    """A stretch of both texts, equal or different."""

    before: str
    after: str

    @property
    def changed(self) -> bool:
        return self.before != self.after

    @property
    def size(self) -> int:
        return max(len(self.before), len(self.after))


def compare(before: str, after: str, *, by_words: bool = False) -> TextDiff:
    """Mark the differences between two texts; with `by_words` only whole words and numbers are marked."""
    only_punctuation = before != after and _letters(before) == _letters(after)
    if only_punctuation:
        runs = _merge(_separator_runs(before, after))
    else:
        is_long = max(len(before), len(after)) > MAX_BY_CHARACTER
        pieces = _words if is_long or by_words else characters.clusters
        runs = _make_readable(_align(list(pieces(before)), list(pieces(after))))
    return TextDiff(
        before=tuple(part for run in runs for part in _parts(run.before, changed=run.changed)),
        after=tuple(part for run in runs for part in _parts(run.after, changed=run.changed)),
        only_blanks=only_punctuation and "".join(before.split()) == "".join(after.split()),
        only_punctuation=only_punctuation,
    )


def mark_whole(before: str, after: str) -> TextDiff:
    """Mark both texts as a whole, even if they are equal."""
    return TextDiff(before=_parts(before, changed=True), after=_parts(after, changed=True))


def split_unmarked(text: str) -> tuple[Part, ...]:
    """Split a text into parts without marks, and name its hidden characters."""
    return _parts(text, changed=False)


def _letters(text: str) -> list[str]:
    return [cluster for cluster in characters.clusters(text) if cluster[0].isalnum()]


def _align(a: list[str], b: list[str]) -> list[_Run]:
    """Align two texts: the common beginning, the runs between, the common end."""
    head = _common_length(a, b)
    tail = _common_length(a[head:][::-1], b[head:][::-1])
    start, end = "".join(a[:head]), "".join(a[len(a) - tail :])
    a, b = a[head : len(a) - tail], b[head : len(b) - tail]
    if len(a) * len(b) > MAX_PAIRS:
        runs = _by_sentences("".join(a), "".join(b))
    else:
        codes = SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
        runs = [_Run("".join(a[i1:i2]), "".join(b[j1:j2])) for _, i1, i2, j1, j2 in codes]
    return [_Run(start, start), *runs, _Run(end, end)]


def _common_length(a: list[str], b: list[str]) -> int:
    pairs = zip(a, b, strict=False)
    return next((i for i, (x, y) in enumerate(pairs) if x != y), min(len(a), len(b)))


def _by_sentences(before: str, after: str) -> list[_Run]:
    """Align long texts by sentences first, then by the words of sentences that differ."""
    a, b = _SENTENCE.findall(before), _SENTENCE.findall(after)
    if len(a) * len(b) > MAX_PAIRS or min(len(a), len(b)) < 2:
        return [_Run(before, after)]
    found: list[_Run] = []
    for run in _align(a, b):
        fits = run.changed and len(run.before) * len(run.after) <= MAX_PAIRS
        found += _align(list(_words(run.before)), list(_words(run.after))) if fits else [run]
    return found


def _words(text: str) -> Iterator[str]:
    for is_word, group in groupby(characters.clusters(text), key=lambda cluster: cluster[0].isalnum()):
        if is_word:
            yield "".join(group)
        else:
            yield from group


def _separator_runs(before: str, after: str) -> list[_Run]:
    """Compare only the separators between letters and digits; the letters and digits are equal in both texts."""
    runs: list[_Run] = []
    for (old, letter), (new, _) in zip(_letters_with_separators(before), _letters_with_separators(after), strict=True):
        head = _common_length(old, new)
        tail = _common_length(old[head:][::-1], new[head:][::-1])
        end = "".join(old[len(old) - tail :])
        start, middle = "".join(old[:head]), slice(head, -tail or None)
        runs += [_Run(start, start), _Run("".join(old[middle]), "".join(new[middle])), _Run(end, end)]
        runs.append(_Run(letter, letter))
    return runs


def _letters_with_separators(text: str) -> Iterator[tuple[list[str], str]]:
    """Yield each letter or digit with the other characters before it, and finally those after the last one."""
    separators: list[str] = []
    for cluster in characters.clusters(text):
        if cluster[0].isalnum():
            yield separators, cluster
            separators = []
        else:
            separators.append(cluster)
    yield separators, ""


def _make_readable(runs: list[_Run]) -> list[_Run]:
    """Merge changes separated by only a few common letters, and extend them to words, which are easier to read."""
    runs = _merge(runs)
    i = 1
    while i < len(runs) - 1:
        previous, run, following = runs[i - 1 : i + 2]
        if not run.changed and run.size <= min(previous.size, following.size):
            before = previous.before + run.before + following.before
            runs[i - 1 : i + 2] = [_Run(before, previous.after + run.after + following.after)]
            i = max(1, i - 1)
        else:
            i += 1
    # Extend replaced stretches to the rest of their word, if that rest is shorter than the stretch.
    for i, run in enumerate(runs):
        if not (run.changed and run.before and run.after):
            continue
        if i > 0:
            rest = _letters_at_end(runs[i - 1].before)
            run = _take_from(runs, i, i - 1, rest) if _extends_word(rest, run, run.before[0], run.after[0]) else run
        if i + 1 < len(runs):
            rest = _letters_at_end(runs[i + 1].before[::-1])[::-1]
            if _extends_word(rest, run, run.before[-1], run.after[-1]):
                _take_from(runs, i, i + 1, rest)
    return _merge(runs)


def _merge(runs: list[_Run]) -> list[_Run]:
    """Join adjacent runs of the same kind and drop empty ones."""
    found: list[_Run] = []
    for run in runs:
        if not (run.before or run.after):
            continue
        if found and found[-1].changed == run.changed:
            run = _Run(found[-1].before + run.before, found.pop().after + run.after)
        found.append(run)
    return found


def _letters_at_end(text: str) -> str:
    size = next((i for i, letter in enumerate(reversed(text)) if not letter.isalpha()), len(text))
    return text[len(text) - size :]


def _extends_word(rest: str, run: _Run, *edges: str) -> bool:
    return 0 < len(rest) < run.size and any(edge.isalpha() for edge in edges)


def _take_from(runs: list[_Run], to: int, neighbor: int, rest: str) -> _Run:
    run, left = runs[to], runs[neighbor].before
    if neighbor < to:
        runs[to] = _Run(rest + run.before, rest + run.after)
        left = left[: len(left) - len(rest)]
    else:
        runs[to] = _Run(run.before + rest, run.after + rest)
        left = left[len(rest) :]
    runs[neighbor] = _Run(left, left)
    return runs[to]


def _parts(text: str, *, changed: bool) -> tuple[Part, ...]:
    def kind_of(cluster: str) -> PartKind:
        if cluster in ("\n", "\r\n"):
            return PartKind.BREAK
        if characters.is_hidden(cluster) or (changed and characters.is_unusual_space(cluster)):
            return PartKind.HIDDEN
        return PartKind.TEXT

    is_blank = changed and not text.strip()
    found: list[Part] = []
    for kind, group in groupby(characters.clusters(text), key=kind_of):
        if kind is PartKind.TEXT:
            joined = "".join(group)
            is_space = changed and not joined.strip()
            found.append(Part(joined, PartKind.SPACE if is_space else PartKind.TEXT, changed))
            continue
        for cluster in group:
            # A changed line break is also named if no text around it shows the change.
            if kind is PartKind.HIDDEN or is_blank:
                name, code = characters.name(cluster), characters.code(cluster)
                found.append(Part(cluster, PartKind.HIDDEN, changed, name, code))
            if kind is PartKind.BREAK:
                found.append(Part("\n", PartKind.BREAK))
    return tuple(found)
