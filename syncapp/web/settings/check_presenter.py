"""The connection check, prepared for its page: verdicts, findings by group, privileges to print."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import Any

from syncapp.crm.names import Names
from syncapp.models import ConnectionCheck
from syncapp.tenant import privileges
from syncapp.tenant.checks.findings import NOTHING, Level
from syncapp.tenant.checks.privileges import GROUP as PRIVILEGES
from syncapp.tenant.checks.privileges import MORE, check_id
from syncapp.tenant.checks.summary import Readiness, Summary, summarize
from syncapp.tenant.privileges import Purpose

_MAX_NOT_NEEDED = 20
_PURPOSES = {Purpose.REVIEW: "reviewing", Purpose.FILTERS: "filters", Purpose.CAPTURE: "capture"}


@dataclass(frozen=True, slots=True)
class Badge:
    """The word, tone and icon of a level."""

    word: str
    tone: str
    icon: str


BADGES = {
    Level.FAILED: Badge("Missing", "bad", "stop-sign"),
    Level.WARNING: Badge("Attention", "warn", "alert"),
    Level.UNKNOWN: Badge("Not known", "", "question"),
    Level.OK: Badge("OK", "good", "check"),
}
_COUNTED = {
    Level.FAILED: "{} missing",
    Level.WARNING: "{} need{s} attention",
    Level.UNKNOWN: "{} not known",
    Level.OK: "{} OK",
}
_HELD = {
    Level.OK: Badge("Held", "good", "check"),
    Level.UNKNOWN: Badge("Not known", "", "question"),
    Level.WARNING: Badge("Not held", "warn", "alert"),
    Level.FAILED: Badge("Not held", "bad", "stop-sign"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One finding."""

    finding: Mapping[str, Any]

    @property
    def level(self) -> Level:
        return Level(self.finding["level"])

    @property
    def badge(self) -> Badge:
        return BADGES[self.level]

    @property
    def anchor(self) -> str:
        """Return the id of the finding's element."""
        return anchor(self.finding["id"])

    @property
    def is_open(self) -> bool:
        """Return whether the finding's details are shown when the page opens."""
        return self.level is Level.FAILED


@dataclass(frozen=True, slots=True)
class Group:
    """The findings about one subject."""

    name: str
    lines: tuple[Line, ...]

    @property
    def counts(self) -> str:
        """Return "1 missing · 2 OK"."""
        return count_by_level(self.lines)


@dataclass(frozen=True, slots=True)
class PrivilegeRow:
    """A row of the table for IT security; `badge` is None if the privilege has not been checked."""

    title: str
    name: str
    badge: Badge | None
    needed_for: str
    is_needed: bool = True


class CheckPresenter:
    """One stored check, finished or in progress."""

    def __init__(self, check: ConnectionCheck, names: Names) -> None:
        self.check = check
        self._names = names
        self.findings: Sequence[Mapping[str, Any]] = check.findings

    @cached_property
    def summary(self) -> Summary:
        """Return the summary of what works."""
        return summarize(self.findings)

    @cached_property
    def verdicts(self) -> list[tuple[Readiness, list[tuple[str, str]]]]:
        """Return each verdict with an (anchor, what to do) pair for every finding that prevents it."""
        return [
            (verdict, [(anchor(each["id"]), each["fix"] or each["name"]) for each in verdict.blockers])
            for verdict in self.summary.verdicts
        ]

    @cached_property
    def groups(self) -> list[Group]:
        """Return the findings by group; privileges that are held are counted, not listed."""
        return [
            Group(name, self._privilege_lines(list(found)) if name == PRIVILEGES else tuple(map(Line, found)))
            for name, found in groupby(self.findings, key=itemgetter("group"))
        ]

    def _privilege_lines(self, findings: Sequence[Mapping[str, Any]]) -> tuple[Line, ...]:
        others = [each for each in findings if each["level"] != Level.OK or each["id"] == MORE]
        named = [Line(each) for each in others if each["id"] != MORE]
        held = [_held_line(purpose, word, findings) for purpose, word in _PURPOSES.items()]
        return (*named, *filter(None, held), *(Line(each) for each in others if each["id"] == MORE))

    @cached_property
    def tally(self) -> list[tuple[Badge, int, list[Line]]]:
        """Return the number of findings of each level, and the findings themselves if someone has to act."""
        lines = [Line(finding) for finding in self.findings]
        counts = []
        for level, badge in BADGES.items():
            findings_of_level = [line for line in lines if line.level is level]
            named = findings_of_level if level in (Level.FAILED, Level.WARNING) else []
            counts.append((badge, len(findings_of_level), named))
        return counts

    @cached_property
    def privileges(self) -> list[PrivilegeRow]:
        """Return every privilege that the portal needs, and those that it holds but does not need."""
        levels = {each["id"]: Level(each["level"]) for each in self.findings}
        needed = [
            PrivilegeRow(
                each.title,
                each.name,
                _HELD.get(levels[check_id(each)]) if check_id(each) in levels else None,
                f"{_purposes(each)}: to {each.reason}",
            )
            for each in privileges.needed(self._names)
        ]
        spare = [
            PrivilegeRow(in_words(name), name, _HELD[Level.OK], "remove it from the role", is_needed=False)
            for name in self._not_needed[:_MAX_NOT_NEEDED]
        ]
        return needed + spare

    @property
    def more_not_needed(self) -> int:
        """Return how many more privileges are held but not needed."""
        return max(0, len(self._not_needed) - _MAX_NOT_NEEDED)

    @property
    def _not_needed(self) -> Sequence[str]:
        return next((each["items"] for each in self.findings if each["id"] == MORE), [])

    @property
    def account(self) -> str:
        """Return the portal's CRM user with its roles, as the check found it."""
        return next((each["answer"] for each in self.findings if each["id"] == "application-user"), "not known")


def anchor(check_id: str) -> str:
    """Return the id of a finding's element."""
    return "finding-" + re.sub(r"[^a-z0-9]+", "-", check_id.lower())


def count_by_level(lines: Sequence[Line]) -> str:
    """Return how many lines have each level, the worst first."""
    numbers = [(sum(line.level is level for line in lines), words) for level, words in _COUNTED.items()]
    return " · ".join(words.format(number, s="s" if number == 1 else "") for number, words in numbers if number)


def in_words(name: str) -> str:
    """Return a privilege's name as words: prvDeleteContact is "Delete contact"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removeprefix("prv").replace("_", " "))
    return words[:1].upper() + words[1:].lower()


def _purposes(privilege: privileges.Privilege) -> str:
    words = [_PURPOSES[purpose] for purpose in privilege.purposes]
    return ", ".join([words[0].capitalize(), *words[1:]])


def _held_line(purpose: Purpose, word: str, findings: Sequence[Mapping[str, Any]]) -> Line | None:
    """Return a line that counts the privileges of a purpose, if all of them are held."""
    needed = [each for each in findings if purpose.value in each["needed_for"]]
    if not needed or any(each["level"] != Level.OK for each in needed):
        return None
    texts = {
        "tried": "Compared with the list below",
        "means": "All the privileges that this needs are held.",
        "do": NOTHING,
    }
    answer = f"{len(needed)} of {len(needed)} held for the whole organization"
    what = {"id": f"privileges.{purpose.value}", "level": Level.OK.value, "name": f"For {word}", "answer": answer}
    return Line({**texts, **what, "command": "", "path": [], "items": []})
