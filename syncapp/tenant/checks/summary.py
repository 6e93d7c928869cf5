"""A summary in one sentence: whether filters and reviewing work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncapp.tenant.checks.findings import FILTERS, REVIEW, Level
from syncapp.tenant.privileges import Purpose

_SUBJECTS = {FILTERS: ("Filters", "work", "need"), REVIEW: ("Reviewing", "works", "needs")}
_MEANS = {
    FILTERS: "Users and mailboxes are read, and filters can be switched.",
    REVIEW: "Edits are read, and approved values can be written.",
}


@dataclass(frozen=True, slots=True)
class Readiness:
    """The state of filters or of reviewing; `blockers` are the findings that prevent it from working."""

    purpose: Purpose
    blockers: tuple[Mapping[str, Any], ...]

    @property
    def works(self) -> bool:
        """Return whether nothing is missing."""
        return not self.blockers

    @property
    def meaning(self) -> str:
        """Return what works if nothing is missing."""
        return _MEANS[self.purpose]

    @property
    def title(self) -> str:
        """Return the verdict in a few words: "Reviewing needs 2 things"."""
        subject, works, needs = _SUBJECTS[self.purpose]
        if self.works:
            return f"{subject} {works}"
        return f"{subject} {needs} {len(self.blockers)} thing{'s' if len(self.blockers) > 1 else ''}"


@dataclass(frozen=True, slots=True)
class Summary:
    """The verdicts on filters and reviewing."""

    verdicts: tuple[Readiness, ...]

    @property
    def sentence(self) -> str:
        """Return both verdicts as one line."""
        return " ".join(f"{verdict.title}." for verdict in self.verdicts)


def summarize(findings: Sequence[Mapping[str, Any]]) -> Summary:
    """Return what works, from stored findings."""
    failed = [finding for finding in findings if finding["level"] == Level.FAILED]
    return Summary(
        tuple(
            Readiness(purpose, tuple(each for each in failed if purpose.value in each["needed_for"]))
            for purpose in (FILTERS, REVIEW)
        )
    )
