"""The list of a source's changes to contacts, and its export."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpResponse, StreamingHttpResponse

from syncapp.capture import change_list, observation, restore_words
from syncapp.capture.change_list import ChangeFilter
from syncapp.capture.observation import Changes, Writer
from syncapp.models import CaptureValue, FilterUser
from syncapp.models.capture.day import ChangeResult
from syncapp.models.capture.entry import Source
from syncapp.models.folding import search_key
from syncapp.models.person import Role
from syncapp.text.ids import parse_uuid
from syncapp.web.base import csv_files, parameters
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.settings import capture_words
from syncapp.web.settings.capture_sources import Example, Naming, example_of
from syncapp.web.settings.pages import render_settings_page

LISTED_SOURCES = (Source.OUTLOOK, Source.PROGRAM, Source.UNKNOWN, Source.FORM)


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change to one column: who made it, when, and what was done about it."""

    at: datetime
    label: str
    example: Example
    person: str
    icon: str
    result: str
    hint: str
    value: CaptureValue


class ChangeListPresenter:
    """A page of changes, with its filters."""

    def __init__(self, request: PortalRequest, source: str) -> None:
        if source not in LISTED_SOURCES:
            raise Http404
        program = parse_uuid(request.GET.get("program", ""))
        self.conditions = ChangeFilter(Source(source), program, request.GET.get("column", "")[:128])
        self.writer = Writer(Source(source), program)
        self._before = parameters.whole_number(request.GET.get("before", ""))

    @cached_property
    def changes(self) -> Changes:
        return observation.changes()

    @cached_property
    def naming(self) -> Naming:
        return Naming.load(self.changes)

    @property
    def name(self) -> str:
        return self.naming.name(self.writer)

    @property
    def tag(self) -> str:
        return self.naming.tag(self.writer)

    @property
    def columns(self) -> list[tuple[str, str]]:
        """Return the columns that the source changed, sorted by label."""
        found = {each.column for found in self.changes.writers if found.writer == self.writer for each in found.columns}
        named = [(column, self.naming.label(column)) for column in found | {self.conditions.column} if column]
        return sorted(named, key=lambda pair: search_key(pair[1]))

    @cached_property
    def page(self) -> change_list.Page:
        return change_list.page(self.conditions, before=self._before)

    @cached_property
    def rows(self) -> list[ChangeRow]:
        return rows_of(self.page.changes, self.naming)

    @property
    def query(self) -> str:
        """Return the query string of the filters alone."""
        return self._query()

    @property
    def next_query(self) -> str:
        """Return the query string of the next page, '' if there is none."""
        return self._query(before=str(self.page.changes[-1].pk)) if self.page.has_more else ""

    @property
    def is_first(self) -> bool:
        return self._before is None

    def _query(self, **more: str) -> str:
        values = {"program": str(self.conditions.program_id or ""), "column": self.conditions.column, **more}
        kept = urlencode({name: value for name, value in values.items() if value})
        return f"?{kept}" if kept else ""


def rows_of(changes: Sequence[CaptureValue], naming: Naming) -> list[ChangeRow]:
    """Return a row for each change, with the names of the contact and of the person who changed it."""
    named = Naming(
        naming.programs,
        naming.signers,
        naming.columns,
        observation.known_contacts({each.entry.contact_id for each in changes}),
    )
    ids = {each.entry.user_id for each in changes if each.entry.user_id is not None}
    people: dict[UUID | None, str] = dict(FilterUser.objects.filter(pk__in=ids).values_list("pk", "name"))
    return [_row(each, named, people.get(each.entry.user_id) or "person unknown") for each in changes]


def _row(change: CaptureValue, naming: Naming, person: str) -> ChangeRow:
    result = change_list.result_of(change)
    icon, words = capture_words.RESULTS[result]
    reason = getattr(change, "restore_reason", "") or ""
    hint = change.entry.problem
    if result is ChangeResult.ONLY_STAGED and reason:
        hint = restore_words.why_not_restored(reason)
    live = getattr(change, "live_seconds", None)
    if live is not None:
        hint = f"after {capture_words.duration(live)}"
    label = naming.label(change.column_name)
    return ChangeRow(change.entry.happened_at, label, example_of(change, naming), person, icon, words, hint, change)


@allow(Role.ADMINISTRATOR)
def settings_capture_changes(request: PortalRequest, source: str) -> HttpResponse:
    """Show the changes by one source, newest first."""
    view = ChangeListPresenter(request, source)
    return render_settings_page(request, "capture_changes", section="settings_capture", view=view)


@allow(Role.ADMINISTRATOR)
def settings_capture_changes_csv(request: PortalRequest, source: str) -> StreamingHttpResponse:
    """Export the changes by one source."""
    view = ChangeListPresenter(request, source)
    headers = ("When (UTC)", "Contact", "Contact id", "Column", "Before", "After", "Changed by", "Done", "Detail")
    return csv_files.download(request, f"capture-{source}", headers, _cells(view))


def _cells(view: ChangeListPresenter) -> Iterator[tuple[object, ...]]:
    for batch in change_list.batches(view.conditions):
        for row in rows_of(batch, view.naming):
            value, contact = row.value, row.value.entry.contact_id
            name = row.example.contact if not row.example.is_outside else ""
            before = (value.old_label or value.old_value or "") if value.old_known else "(not known)"
            after = (value.new_label or value.new_value or "") if value.new_known else "(not known)"
            when = row.at.isoformat(timespec="seconds")
            yield when, name, contact, row.label, before, after, row.person, row.result, row.hint
