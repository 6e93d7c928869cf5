"""The sources of changes on the capture page: a row for each, and its columns with the newest example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Count
from django.urls import reverse

from syncapp.capture import observation, switching
from syncapp.capture.observation import Changes, ColumnChanges, KnownContacts, Writer, WriterChanges
from syncapp.crm.staging.records import Column
from syncapp.mirror import columns
from syncapp.models import (
    CaptureColumn,
    CaptureIdentity,
    CaptureSource,
    CaptureValue,
    FilterMembership,
    FilterTeam,
    FilterUser,
)
from syncapp.models.capture.day import ChangeResult
from syncapp.models.capture.entry import Source
from syncapp.models.folding import search_key
from syncapp.review.diff import values
from syncapp.review.diff.values import ValueDiff
from syncapp.text.localization import number
from syncapp.web.base import crm_links
from syncapp.web.settings import capture_words
from syncapp.web.settings.capture_words import Badge

MAX_ROWS = 12
GONE_TEAM = "a team that no longer exists"


@dataclass(frozen=True, slots=True)
class Naming:
    """The names of the programs, signing users, columns and contacts that the page shows."""

    programs: Mapping[UUID, str]
    signers: Sequence[str]
    columns: Mapping[str, Column]
    contacts: KnownContacts

    @staticmethod
    def load(changes: Changes) -> Naming:
        """Read the names of everything in `changes`."""
        examples = [each.example for found in changes.writers for each in found.columns if each.example is not None]
        programs = {each.writer.program_id for each in changes.writers if each.writer.program_id is not None}
        signers = CaptureIdentity.objects.filter(kind=CaptureIdentity.Kind.SYNCHRONIZATION).order_by("name")
        return Naming(
            observation.program_names(programs),
            [str(signer) for signer in signers],
            columns.of_table("contact"),
            observation.known_contacts({each.entry.contact_id for each in examples}),
        )

    def name(self, writer: Writer) -> str:
        """Return the name of a source; for a program, its user's name."""
        if writer.program_id is None:
            return capture_words.NAMES[writer.source]
        return self.programs.get(writer.program_id, "").removeprefix("# ") or "A program without a name"

    def tag(self, writer: Writer) -> str:
        """Return the evidence for a source."""
        if writer.source is Source.OUTLOOK:
            return f"signed by {', '.join(self.signers)}" if self.signers else "no user is known to sign"
        return capture_words.TAGS[writer.source]

    def label(self, column_name: str) -> str:
        """Return the label of a column."""
        if not column_name:
            return "Columns not read"
        known = self.columns.get(column_name)
        return known.label if known else column_name

    @staticmethod
    def anchor(writer: Writer) -> str:
        """Return the id of a source's elements."""
        return f"{writer.source}-{writer.program_id}" if writer.program_id else str(writer.source)


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source: the results of its changes in 7 days, and its switch.

    `effect_if_on` says what would be restored if the source were on, or under the original rule. `switch` is "on",
    "off", or empty if the source cannot be switched on under the current rule.
    """

    anchor: str
    source: str
    name: str
    tag: str
    week: int
    month: int
    done: Sequence[tuple[str, str]]
    effect_if_on: str
    badge: Badge
    switch: str
    pilot: str
    address: str

    @property
    def is_on(self) -> bool:
        return self.switch == "on"


@dataclass(frozen=True, slots=True)
class Example:
    """A change to one contact; `address` leads to the edit, or with `is_outside` to the contact in the CRM."""

    contact: str
    address: str
    is_outside: bool
    change: ValueDiff | None


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """A column of one source. `handling` is empty if it cannot be chosen."""

    column: str
    label: str
    week: int
    month: int
    example: Example | None
    done: Sequence[tuple[str, str]]
    by_original: int
    handling: str
    address: str


@dataclass(frozen=True, slots=True)
class Section:
    """The columns of one source; `hidden` counts those that are not listed."""

    row: SourceRow
    rows: Sequence[ColumnRow]
    hidden: int

    @property
    def can_be_reviewed(self) -> bool:
        """Return whether the source's columns can be reviewed or let through."""
        return bool(self.row.switch)

    @property
    def by_original(self) -> int:
        return sum(row.by_original for row in self.rows)


def source_row(
    found: WriterChanges,
    naming: Naming,
    switch: CaptureSource | None,
    *,
    badge: Badge,
    may_switch: bool,
    teams: Mapping[Any, str],
) -> SourceRow:
    """Return the row of a source; `switch` is None unless the source is on."""
    writer = found.writer
    pilot = teams.get(switch.pilot_team_id, GONE_TEAM) if switch and switch.pilot_team_id else ""
    return SourceRow(
        anchor=naming.anchor(writer),
        source=writer.source,
        name=naming.name(writer),
        tag=naming.tag(writer),
        week=found.week,
        month=found.month,
        done=capture_words.count_results(found.results),
        effect_if_on="" if switch else _effect_if_on(found, may_switch=may_switch),
        badge=badge if switch else capture_words.OBSERVING,
        switch="on" if switch else "off" if may_switch else "",
        pilot=pilot,
        address=changes_address(writer),
    )


def _effect_if_on(found: WriterChanges, *, may_switch: bool) -> str:
    """Return what would be restored if the source were on; if it cannot be on, what the original rule would restore."""
    if may_switch:
        observed = found.results[ChangeResult.OBSERVED]
        return f"If on: {number(observed)} staged and restored" if observed else ""
    return f"Under the original rule: {number(found.by_original)} restored" if found.by_original else ""


def section(found: WriterChanges, row: SourceRow, naming: Naming, handlings: Mapping[tuple[str, str], str]) -> Section:
    """Return the columns of a source; if it cannot be reviewed, only the busiest ones."""
    listed = found.columns if row.switch else found.columns[:MAX_ROWS]
    rows = [_column_row(found.writer, each, row, naming, handlings) for each in listed]
    return Section(row, rows, len(found.columns) - len(listed))


def _column_row(
    writer: Writer,
    found: ColumnChanges,
    row: SourceRow,
    naming: Naming,
    handlings: Mapping[tuple[str, str], str],
) -> ColumnRow:
    review = CaptureColumn.Handling.REVIEW.value
    return ColumnRow(
        column=found.column,
        label=naming.label(found.column),
        week=found.week,
        month=found.month,
        example=example_of(found.example, naming) if found.example else None,
        done=capture_words.count_results(found.results, is_short=True),
        by_original=found.by_original,
        handling=handlings.get((writer.source, found.column), review) if row.switch and found.column else "",
        address=changes_address(writer, found.column),
    )


def example_of(value: CaptureValue, naming: Naming) -> Example:
    """Return a change for display, with its contact's name if the queue knows it."""
    contact_id = value.entry.contact_id
    name = naming.contacts.names.get(contact_id, "")
    edit = naming.contacts.edits.get(str(value.entry_id))
    return Example(
        contact=name or "A contact",
        address=reverse("record", args=[edit]) if edit else crm_links.form_address("contact", contact_id),
        is_outside=edit is None,
        change=_change(value, naming.columns.get(value.column_name)),
    )


def _change(value: CaptureValue, column: Column | None) -> ValueDiff | None:
    """Return the change; None if the new value was not read, or was cut off."""
    if not value.new_known:
        return None
    after = value.new_value, value.new_label
    if not value.old_known:
        return values.diff_unknown_original(column, *after)
    return values.diff_values(column, (value.old_value, value.old_label), after)


def changes_address(writer: Writer, column: str = "") -> str:
    """Return the address of the list of a source's changes."""
    query = {"program": str(writer.program_id or ""), "column": column}
    kept = urlencode({name: value for name, value in query.items() if value})
    return reverse("settings_capture_changes", args=[writer.source]) + (f"?{kept}" if kept else "")


@dataclass(frozen=True, slots=True)
class Team:
    """A team that may be the pilot, with the number of its members."""

    id: UUID
    name: str
    members: int


class SwitchPresenter:
    """The page that explains the effect of switching a source on; `typed` is the choice that was sent."""

    def __init__(self, source: Source, *, typed: str | None) -> None:
        self.source = source
        self.who = typed or "team"

    @cached_property
    def obstacle(self) -> str:
        """Return why the source cannot be switched on, '' if it can."""
        return switching.obstacle(self.source)

    @cached_property
    def pilot(self) -> str:
        """Return the name of the pilot team for which the source is on, '' if there is none."""
        switch = CaptureSource.objects.filter(pk=self.source, is_on=True, pilot_team_id__isnull=False).first()
        if switch is None or switch.pilot_team_id is None:
            return ""
        name = FilterTeam.objects.filter(pk=switch.pilot_team_id).values_list("name", flat=True).first()
        return name or GONE_TEAM

    @cached_property
    def teams(self) -> list[Team]:
        """Return the teams of the CRM, sorted by name."""
        counted = FilterMembership.objects.order_by().values_list("team_id").annotate(Count("pk"))
        members = dict(counted)
        found = [Team(pk, name, members.get(pk, 0)) for pk, name in FilterTeam.objects.values_list("pk", "name")]
        return sorted(found, key=lambda team: search_key(team.name))

    @property
    def users(self) -> int:
        """Return how many enabled users the CRM has."""
        return FilterUser.objects.people().filter(is_disabled=False).count()

    @cached_property
    def week(self) -> int:
        """Return how many fields the source changed in 7 days."""
        return sum(each.week for each in observation.changes().by_source(self.source))

    @property
    def is_probably_by_programs(self) -> bool:
        """Return whether programs and forms probably made the changes."""
        return self.source is not Source.OUTLOOK
