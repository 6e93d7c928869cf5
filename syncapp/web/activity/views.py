"""The activity page and its export: who did what, when, through what, before and after. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from django.http import HttpResponse, StreamingHttpResponse
from django.utils import timezone

from syncapp import preferences
from syncapp.activity import audit_log
from syncapp.activity.audit_log import Page
from syncapp.text import localization
from syncapp.web.activity import presenter
from syncapp.web.activity.params import ParamsView
from syncapp.web.activity.presenter import Day, Shown
from syncapp.web.base import csv_files
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import AUDIT_ROLES, render_page, visible_area

COLUMNS = ("When", "Who", "What", "Contact", "Field", "Before", "After", "Notes", "From", "Digest")


class ActivityView(ParamsView):
    """One page of the trail; read when the template asks for it, and once."""

    @cached_property
    def page(self) -> Page:
        return audit_log.page(self.asked, before=self.before)

    @cached_property
    def days(self) -> list[Day]:
        return presenter.by_day(presenter.shown(self.page.entries))

    @property
    def older(self) -> str:
        """The address of the next page, '' where this is the last."""
        return self.query(before=self.page.entries[-1].pk) if self.page.has_more else ""

    @cached_property
    def count(self) -> int:
        return audit_log.count(self.asked)


@allow(*AUDIT_ROLES)
def activity(request: PortalRequest) -> HttpResponse:
    """The newest entries of what the filters ask for."""
    view = ActivityView(request.GET, only=visible_area(request.user))
    return render_page(request, "activity/page.html", {"section": "activity", "view": view})


@allow(*AUDIT_ROLES)
def activity_csv(request: PortalRequest) -> StreamingHttpResponse:
    """The same as a table, all of it, sent while it is read."""
    view = ParamsView(request.GET, only=visible_area(request.user))
    zone = timezone.get_current_timezone()
    locale = localization.active().tag
    heads = (f"When ({zone})", *COLUMNS[1:])

    def rows() -> Iterator[tuple[str, ...]]:
        # What the middleware sets ends with the view, the rows are made afterwards.
        for entries in audit_log.batches(view.asked):
            with preferences.cached(), timezone.override(zone), localization.override(locale):
                yield from map(_cells, presenter.shown(entries))

    return csv_files.download(request, "activity", heads, rows())


def _cells(shown: Shown) -> tuple[str, ...]:
    change = shown.change
    return (
        f"{timezone.localtime(shown.entry.at):%Y-%m-%d %H:%M:%S}",
        shown.who,
        shown.did.word,
        shown.subject,
        shown.label,
        _value(shown, "before") or (change.before.text if change else ""),
        _value(shown, "after") or (change.after.text if change else ""),
        "; ".join(shown.notes),
        shown.via,
        shown.seal,
    )


def _value(shown: Shown, word: str) -> str:
    digest = dict(shown.digests).get(word) if shown.is_erased else None
    return f"erased, digest {digest}" if digest else ""
