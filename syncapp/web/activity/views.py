"""The activity page and its export."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, partial

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from syncapp import preferences
from syncapp.activity import audit_log, facts
from syncapp.activity.audit_log import AuditFilter, Page
from syncapp.models import AuditEntry
from syncapp.text import localization
from syncapp.web.activity import groups, presenter
from syncapp.web.activity.links import Links
from syncapp.web.activity.params import ParamsView
from syncapp.web.activity.presenter import Day, EntryPresenter
from syncapp.web.base import csv_files
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import AUDIT_ROLES, render_page, visible_area, wants_part

COLUMNS = ("When", "Who", "What", "Contact", "Field", "Before", "After", "Notes", "Origin", "Hash")


class ActivityView(ParamsView):
    """One page of the audit log, read lazily."""

    links: Links

    @property
    def can_be_grouped(self) -> bool:
        return self.filter.can_be_grouped

    @property
    def is_grouped(self) -> bool:
        """Return whether each run and bulk decision is one row."""
        return self.can_be_grouped and not self.values["lines"]

    @property
    def toggle_query(self) -> str:
        """Return the query string that turns grouping off, or on again."""
        return self.query(lines="1" if self.is_grouped else "")

    @cached_property
    def page(self) -> Page:
        return audit_log.page(self.filter, before=self.before, grouped=self.is_grouped)

    @cached_property
    def days(self) -> list[Day]:
        return presenter.by_day(self.rows(self.page.entries))

    def rows(self, entries: Sequence[AuditEntry]) -> list[EntryPresenter]:
        """Return the rows of entries; the one that the query string names is open."""
        related = facts.load(entries)
        rows = presenter.present(entries, self.links, related)
        if not self.is_grouped:
            return rows
        query = partial(self.query, before=self.before or "")
        summarizes_runs = not self.filter.shows_steps_of_runs
        return groups.summarize_rows(
            rows, related, self.links, query=query, opened=self.opened, summarizes_runs=summarizes_runs
        )

    @property
    def older_query(self) -> str:
        """Return the query string of the next page, '' on the last."""
        return self.query(before=self.page.entries[-1].pk) if self.page.has_more else ""

    @cached_property
    def count(self) -> int:
        return audit_log.count(self.filter)


@allow(*AUDIT_ROLES)
def activity(request: PortalRequest) -> HttpResponse:
    """Show the newest entries that match the filters."""
    view = ActivityView(request.GET, only_area=visible_area(request.user))
    view.links = Links(request.user)
    return render_page(request, "activity/page.html", {"section": "activity", "view": view})


@allow(*AUDIT_ROLES)
def activity_entry(request: PortalRequest, entry_id: int) -> HttpResponse:
    """Show one row of the page, opened or closed as the query string of the page says."""
    view = ActivityView(request.GET, only_area=visible_area(request.user))
    view.links = Links(request.user)
    entry = audit_log.find(entry_id, AuditFilter(area=view.only_area))
    if entry is None:
        raise Http404
    if not wants_part(request):
        return redirect(f"{reverse('activity')}{view.query(open=entry_id)}#entry-{entry_id}")
    return render_page(request, "activity/_entry.html", {"view": view, "e": view.rows([entry])[0]})


@allow(*AUDIT_ROLES)
def activity_csv(request: PortalRequest) -> StreamingHttpResponse:
    """Export all matching entries, streamed while they are read."""
    view = ParamsView(request.GET, only_area=visible_area(request.user))
    zone = timezone.get_current_timezone()
    locale = localization.active().tag
    headers = (f"When ({zone})", *COLUMNS[1:])

    def rows() -> Iterator[tuple[str, ...]]:
        # The response is streamed after the middleware has reset time zone and formats.
        for entries in audit_log.batches(view.filter):
            with preferences.cached(), timezone.override(zone), localization.override(locale):
                for row in presenter.present(entries, Links()):
                    change, erased = row.change, dict(row.digests) if row.is_erased else {}
                    values = {"before": change.before.text, "after": change.after.text} if change else {}
                    values |= {name: f"erased, hash {digest}" for name, digest in erased.items()}
                    yield (
                        f"{timezone.localtime(row.entry.at):%Y-%m-%d %H:%M:%S}",
                        row.who,
                        row.action_label.word,
                        row.subject,
                        row.label,
                        values.get("before", ""),
                        values.get("after", ""),
                        "; ".join(row.phrases),
                        row.via,
                        row.seal,
                    )

    return csv_files.download(request, "activity", headers, rows())
