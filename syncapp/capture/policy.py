"""The handling of an entry under the administrators' settings: stage it, observe it, or let it through."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from syncapp.capture import sources
from syncapp.models import Capture, CaptureColumn, CaptureIdentity, CaptureSource, FilterMembership
from syncapp.models.capture.entry import EntryState, Source
from syncapp.models.capture.settings import CaptureMode, CaptureRule

# The reason for a waiting entry that is to be staged; an entry without it is decided by the next round.
TO_STAGE = "to_stage"


class Reason(StrEnum):
    """A reason why an entry is not staged."""

    NO_TRACKED_COLUMN = "no_tracked_column"
    NOT_OUTLOOK = "not_outlook"
    NEW_CONTACT = "new_contact"  # the synchronization has just created it
    COLUMNS_LET_THROUGH = "columns_let_through"
    VALUES_NOT_READ = "values_not_read"  # not from Outlook, and reading the values would have cost too much
    OBSERVING = "observing"
    PAUSED = "paused"
    SOURCE_OFF = "source_off"
    BEFORE_SWITCH_ON = "before_switch_on"
    NOT_IN_PILOT = "not_in_pilot"
    NOT_IN_LOG = "not_in_log"  # deleted from the audit log before it was read
    UNREADABLE = "unreadable"
    NOT_STAGED = "not_staged"  # its job failed
    LEFT = "left"  # an administrator left it in the CRM after it could not be staged


@dataclass(frozen=True, slots=True)
class Facts:
    """The known facts of one entry when its handling is decided."""

    source: Source
    happened_at: datetime
    user_id: UUID | None
    columns: frozenset[str]
    lacks_revision: bool = False
    is_listed_program: bool = False
    completes_creation: bool = False


@dataclass(frozen=True, slots=True)
class EnabledSource:
    """A source that is on: entries after `since` are staged, only those by `members` unless that is None."""

    since: datetime | None
    members: frozenset[UUID] | None


@dataclass(frozen=True, slots=True)
class ColumnSwitch:
    """The handling of one source's changes to one column since a time (None: always); the opposite applied before."""

    is_reviewed: bool
    since: datetime | None

    def reviews(self, moment: datetime) -> bool:
        """Return whether a change at this time is reviewed."""
        return self.is_reviewed if self.since is None or moment >= self.since else not self.is_reviewed


@dataclass(frozen=True, slots=True)
class Policy:
    """The administrators' settings at one moment; the keys of `columns` are a source and a column."""

    mode: CaptureMode
    rule: CaptureRule
    switched_on: Mapping[str, EnabledSource]
    columns: Mapping[tuple[str, str], ColumnSwitch] = field(default_factory=dict)
    listed_programs: frozenset[UUID] = frozenset()

    def reviewed_columns(self, source: str, columns: Collection[str], *, at: datetime) -> frozenset[str]:
        """Return the `columns` whose changes by this source at this time are reviewed."""
        switches = {column: self.columns.get((source, column)) for column in columns}
        return frozenset(column for column, switch in switches.items() if switch is None or switch.reviews(at))

    def counts_as_outlook(self, facts: Facts) -> bool:
        """Return whether the entry counts as an Outlook edit."""
        return sources.counts_as_outlook(
            facts.source,
            lacks_revision=facts.lacks_revision,
            rule=self.rule,
            is_listed_program=facts.is_listed_program,
        )


def load(capture: Capture) -> Policy:
    """Return the current settings."""
    switched_on = {}
    for row in CaptureSource.objects.filter(is_on=True):
        team = FilterMembership.objects.filter(team_id=row.pilot_team_id) if row.pilot_team_id else None
        members = None if team is None else frozenset(team.values_list("user_id", flat=True))
        switched_on[row.source] = EnabledSource(row.since, members)
    review = CaptureColumn.Handling.REVIEW
    columns = {(row.source, row.column_name): row for row in CaptureColumn.objects.all()}
    programs = CaptureIdentity.objects.filter(kind=CaptureIdentity.Kind.PROGRAM)
    return Policy(
        mode=CaptureMode(capture.mode),
        rule=CaptureRule(capture.rule),
        switched_on=switched_on,
        columns={key: ColumnSwitch(row.handling == review, row.since) for key, row in columns.items()},
        listed_programs=frozenset(programs.values_list("user_id", flat=True)),
    )


def decide(facts: Facts, policy: Policy) -> tuple[EntryState, str] | None:
    """Return the state and the reason of an entry that is not to be staged; None for one that is."""
    if not facts.columns:
        return EntryState.LET_THROUGH, Reason.NO_TRACKED_COLUMN
    if not policy.counts_as_outlook(facts):
        return EntryState.LET_THROUGH, Reason.NOT_OUTLOOK
    if facts.completes_creation:
        return EntryState.LET_THROUGH, Reason.NEW_CONTACT
    if not policy.reviewed_columns(facts.source, facts.columns, at=facts.happened_at):
        return EntryState.LET_THROUGH, Reason.COLUMNS_LET_THROUGH
    if policy.mode is CaptureMode.PAUSED:
        return EntryState.OBSERVED, Reason.PAUSED
    if policy.mode not in (CaptureMode.STAGING, CaptureMode.RESTORING):
        return EntryState.OBSERVED, Reason.OBSERVING
    switch = policy.switched_on.get(facts.source)
    if switch is None:
        return EntryState.OBSERVED, Reason.SOURCE_OFF
    if switch.since is None or facts.happened_at < switch.since:
        return EntryState.OBSERVED, Reason.BEFORE_SWITCH_ON
    if switch.members is not None and facts.user_id not in switch.members:
        return EntryState.OBSERVED, Reason.NOT_IN_PILOT
    return None
