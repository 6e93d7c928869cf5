"""Findings: the request, the answer, its meaning, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from syncapp.tenant.privileges import Purpose

if TYPE_CHECKING:
    from syncapp.tenant.checks.context import Context

NOTHING = "Nothing"
NOT_TRIED = "–"
REVIEW, FILTERS, CAPTURE = Purpose.REVIEW, Purpose.FILTERS, Purpose.CAPTURE
EVERYTHING = (REVIEW, FILTERS)


class Level(StrEnum):
    """The outcome of a check. Only FAILED makes the command fail."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a check.

    `fix` is a short imperative for lists of what to do. `command` is a line to copy, `path` the steps to click in
    Microsoft's pages. `items` are the names that the answer counts.
    """

    level: Level
    answer: str
    meaning: str
    remedy: str = NOTHING
    tried: str = ""
    fix: str = ""
    command: str = ""
    path: tuple[str, ...] = ()
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """One check of the connection.

    `tried` describes its request; `needed_for` are the purposes that fail without it. Without `asks_crm`, it runs even
    while the CRM does not answer.
    """

    id: str
    name: str
    group: str
    tried: str
    run: Callable[[Context], Answer]
    needed_for: tuple[Purpose, ...] = ()
    asks_crm: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """A check with its answer."""

    check: Check
    answer: Answer

    def as_json(self) -> dict[str, Any]:
        """Return the finding for `--json` and for the database."""
        check, answer = self.check, self.answer
        return {
            "id": check.id,
            "level": answer.level.value,
            "tried": answer.tried or check.tried,
            "answer": answer.answer,
            "means": answer.meaning,
            "do": answer.remedy,
            "name": check.name,
            "group": check.group,
            "needed_for": [purpose.value for purpose in check.needed_for],
            "fix": answer.fix,
            "command": answer.command,
            "path": list(answer.path),
            "items": list(answer.items),
        }


def ok(answer: str, meaning: str, *, items: Iterable[str] = (), tried: str = "") -> Answer:
    """Return the answer of a check that succeeded."""
    return Answer(Level.OK, answer, meaning, tried=tried, items=tuple(items))


def not_asked(answer: str, meaning: str, remedy: str = NOTHING, *, tried: str = "Nothing", command: str = "") -> Answer:
    """Return the answer of a check that could not be run."""
    return Answer(Level.UNKNOWN, answer, meaning, remedy, tried=tried, command=command)


def has_failed(findings: Iterable[Mapping[str, Any]], purpose: Purpose | None = None) -> bool:
    """Return whether a stored finding failed; with `purpose`, consider only findings needed for it."""
    return any(
        each["level"] == Level.FAILED and (purpose is None or purpose.value in each["needed_for"]) for each in findings
    )
