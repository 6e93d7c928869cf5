"""What changed inside a text: both sides cut into parts, changed stretches marked, hidden characters named.

Pure functions on text. Nothing here knows columns, HTML or the CRM.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import groupby

from syncapp.text import characters

LONG = 80  # clusters: up to here texts are compared by characters, beyond by words
MOST_PAIRS = 90_000  # pieces of one side x pieces of the other: beyond, the whole stretch counts as changed
_SENTENCE = re.compile(r"[^.\n]*[.\n]|[^.\n]+")


class PartKind(StrEnum):
    """How a part is shown."""

    TEXT = "text"
    SPACE = "space"  # changed blanks only: a strike would read as a hyphen
    HIDDEN = "hidden"  # a character that nobody can see, by its name
    BREAK = "break"
    GAP = "gap"  # left out of a shortened text


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of one side. `name` and `code` are those of a hidden character."""

    text: str
    kind: PartKind = PartKind.TEXT
    changed: bool = False
    name: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class TextDiff:
    """Both sides of a change."""

    was: tuple[Part, ...]
    will: tuple[Part, ...]
    only_blanks: bool = False
    only_signs: bool = False  # letters and digits are the same; blanks, dots, dashes and the like are not


@dataclass(frozen=True, slots=True)
class _Run:
    """A stretch of pieces that is the same on both sides, or stands instead of the other."""

    was: str
    will: str

    @property
    def changed(self) -> bool:
        return self.was != self.will

    @property
    def size(self) -> int:
        return max(len(self.was), len(self.will))


def compare(was: str, will: str, *, by_words: bool = False) -> TextDiff:
    """Mark what is only in `was` and what is only in `will`; `by_words` marks no part of a word or number alone."""
    only_signs = was != will and _letters(was) == _letters(will)
    runs = _merged(_sign_runs(was, will)) if only_signs else _readable(_runs(was, will, by_words=by_words))
    return TextDiff(
        was=tuple(part for run in runs for part in _parts(run.was, changed=run.changed)),
        will=tuple(part for run in runs for part in _parts(run.will, changed=run.changed)),
        only_blanks=only_signs and "".join(was.split()) == "".join(will.split()),
        only_signs=only_signs,
    )


def replaced(was: str, will: str) -> TextDiff:
    """The one instead of the other as a whole, even where the words are the same."""
    return TextDiff(was=_parts(was, changed=True), will=_parts(will, changed=True))


def unmarked(text: str) -> tuple[Part, ...]:
    """A text without marks, its hidden characters named."""
    return _parts(text, changed=False)


def _letters(text: str) -> list[str]:
    return [cluster for cluster in characters.clusters(text) if cluster[0].isalnum()]


def _runs(was: str, will: str, *, by_words: bool) -> list[_Run]:
    pieces = characters.clusters if max(len(was), len(will)) <= LONG and not by_words else _words
    return _aligned(list(pieces(was)), list(pieces(will)))


def _aligned(a: list[str], b: list[str]) -> list[_Run]:
    """The shared beginning, what lies between, the shared end."""
    head = _same_length(a, b)
    tail = _same_length(a[head:][::-1], b[head:][::-1])
    middle_a, middle_b = a[head : len(a) - tail], b[head : len(b) - tail]
    start, end = "".join(a[:head]), "".join(a[len(a) - tail :])
    return [_Run(start, start), *_matched(middle_a, middle_b), _Run(end, end)]


def _same_length(a: list[str], b: list[str]) -> int:
    pairs = zip(a, b, strict=False)
    return next((i for i, (x, y) in enumerate(pairs) if x != y), min(len(a), len(b)))


def _matched(a: list[str], b: list[str]) -> list[_Run]:
    if len(a) * len(b) > MOST_PAIRS:
        return _by_sentences("".join(a), "".join(b))
    codes = SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    return [_Run("".join(a[i1:i2]), "".join(b[j1:j2])) for _, i1, i2, j1, j2 in codes]


def _by_sentences(was: str, will: str) -> list[_Run]:
    """Long texts: align whole sentences first, then the words of those that differ."""
    a, b = _SENTENCE.findall(was), _SENTENCE.findall(will)
    if len(a) * len(b) > MOST_PAIRS or min(len(a), len(b)) < 2:
        return [_Run(was, will)]
    found: list[_Run] = []
    for run in _aligned(a, b):
        fits = run.changed and len(run.was) * len(run.will) <= MOST_PAIRS
        found += _aligned(list(_words(run.was)), list(_words(run.will))) if fits else [run]
    return found


def _words(text: str) -> Iterator[str]:
    for is_word, group in groupby(characters.clusters(text), key=lambda cluster: cluster[0].isalnum()):
        if is_word:
            yield "".join(group)
        else:
            yield from group


def _sign_runs(was: str, will: str) -> list[_Run]:
    """Where letters and digits are the same, only what stands between them is compared."""
    runs: list[_Run] = []
    for (old, letter), (new, _) in zip(_spelled(was), _spelled(will), strict=True):
        head = _same_length(old, new)
        tail = _same_length(old[head:][::-1], new[head:][::-1])
        end = "".join(old[len(old) - tail :])
        start, middle = "".join(old[:head]), slice(head, -tail or None)
        runs += [_Run(start, start), _Run("".join(old[middle]), "".join(new[middle])), _Run(end, end)]
        runs.append(_Run(letter, letter))
    return runs


def _spelled(text: str) -> Iterator[tuple[list[str], str]]:
    """Each letter or digit with the signs before it; at last the signs at the end, with no letter."""
    signs: list[str] = []
    for cluster in characters.clusters(text):
        if cluster[0].isalnum():
            yield signs, cluster
            signs = []
        else:
            signs.append(cluster)
    yield signs, ""


def _readable(runs: list[_Run]) -> list[_Run]:
    """Merge changes that only a few shared letters keep apart: people compare words, not letters."""
    runs = _merged(runs)
    i = 1
    while i < len(runs) - 1:
        before, here, after = runs[i - 1 : i + 2]
        if not here.changed and here.size <= min(before.size, after.size):
            runs[i - 1 : i + 2] = [_Run(before.was + here.was + after.was, before.will + here.will + after.will)]
            i = max(1, i - 1)
        else:
            i += 1
    return _merged(_whole_words(runs))


def _merged(runs: list[_Run]) -> list[_Run]:
    """Neighbours of the same kind as one, empty ones left out."""
    found: list[_Run] = []
    for run in runs:
        if not (run.was or run.will):
            continue
        if found and found[-1].changed == run.changed:
            run = _Run(found[-1].was + run.was, found.pop().will + run.will)
        found.append(run)
    return found


def _whole_words(runs: list[_Run]) -> list[_Run]:
    """A replaced stretch takes the rest of its word along where that rest is the smaller piece."""
    for i, run in enumerate(runs):
        if not (run.changed and run.was and run.will):
            continue
        if i > 0:
            rest = _letters_at_end(runs[i - 1].was)
            run = _lend(runs, i, i - 1, rest) if _belongs(rest, run, run.was[0], run.will[0]) else run
        if i + 1 < len(runs):
            rest = _letters_at_end(runs[i + 1].was[::-1])[::-1]
            if _belongs(rest, run, run.was[-1], run.will[-1]):
                _lend(runs, i, i + 1, rest)
    return runs


def _letters_at_end(text: str) -> str:
    size = next((i for i, letter in enumerate(reversed(text)) if not letter.isalpha()), len(text))
    return text[len(text) - size :]


def _belongs(rest: str, run: _Run, *edges: str) -> bool:
    return 0 < len(rest) < run.size and any(edge.isalpha() for edge in edges)


def _lend(runs: list[_Run], to: int, lender: int, rest: str) -> _Run:
    run, left = runs[to], runs[lender].was
    if lender < to:
        runs[to] = _Run(rest + run.was, rest + run.will)
        left = left[: len(left) - len(rest)]
    else:
        runs[to] = _Run(run.was + rest, run.will + rest)
        left = left[len(rest) :]
    runs[lender] = _Run(left, left)
    return runs[to]


def _parts(text: str, *, changed: bool) -> tuple[Part, ...]:
    bare = changed and not text.strip()
    found: list[Part] = []
    for kind, group in groupby(characters.clusters(text), key=lambda one: _kind(one, changed=changed)):
        members = list(group)
        if kind is PartKind.HIDDEN:
            found += [Part(one, kind, changed, characters.name(one), characters.code(one)) for one in members]
        elif kind is PartKind.BREAK:
            found += [part for one in members for part in _breaks(one, named=bare, changed=changed)]
        else:
            joined = "".join(members)
            blank = changed and not joined.strip()
            found.append(Part(joined, PartKind.SPACE if blank else PartKind.TEXT, changed))
    return tuple(found)


def _kind(cluster: str, *, changed: bool) -> PartKind:
    if cluster in ("\n", "\r\n"):
        return PartKind.BREAK
    if characters.is_hidden(cluster) or (changed and characters.is_odd_blank(cluster)):
        return PartKind.HIDDEN
    return PartKind.TEXT


def _breaks(cluster: str, *, named: bool, changed: bool) -> Iterator[Part]:
    """A changed line end shows by the text around it; where there is none, by its name."""
    if named:
        yield Part(cluster, PartKind.HIDDEN, changed, characters.name(cluster), characters.code(cluster))
    yield Part("\n", PartKind.BREAK)
