"""The activity page and its export."""

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
from syncapp.web.activity.links import Links
from syncapp.web.activity.params import ParamsView
from syncapp.web.activity.presenter import Day
from syncapp.web.base import csv_files
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import AUDIT_ROLES, render_page, visible_area

COLUMNS = ("When", "Who", "What", "Contact", "Field", "Before", "After", "Notes", "From", "Digest")


class ActivityView(ParamsView):
    """One page of the audit log, read lazily."""

    links: Links

    @cached_property
    def page(self) -> Page:
        return audit_log.page(self.filter, before=self.before)

    @cached_property
    def days(self) -> list[Day]:
        return presenter.by_day(presenter.present(self.page.entries, self.links))

    @property
    def older(self) -> str:
        """Return the query string of the next page, '' on the last."""
        return self.query(before=self.page.entries[-1].pk) if self.page.has_more else ""

    @cached_property
    def count(self) -> int:
        return audit_log.count(self.filter)


@allow(*AUDIT_ROLES)
def activity(request: PortalRequest) -> HttpResponse:
    """Show the newest entries that match the filters."""
    view = ActivityView(request.GET, only=visible_area(request.user))
    view.links = Links(request.user)
    return render_page(request, "activity/page.html", {"section": "activity", "view": view})


@allow(*AUDIT_ROLES)
def activity_csv(request: PortalRequest) -> StreamingHttpResponse:
    """Export all matching entries, streamed while they are read."""
    view = ParamsView(request.GET, only=visible_area(request.user))
    zone = timezone.get_current_timezone()
    locale = localization.active().tag
    heads = (f"When ({zone})", *COLUMNS[1:])

    def rows() -> Iterator[tuple[str, ...]]:
        # The response is streamed after the middleware has reset time zone and formats.
        for entries in audit_log.batches(view.filter):
            with preferences.cached(), timezone.override(zone), localization.override(locale):
                for row in presenter.present(entries, Links()):
                    change, erased = row.change, dict(row.digests) if row.is_erased else {}
                    values = {"before": change.before.text, "after": change.after.text} if change else {}
                    values |= {name: f"erased, digest {digest}" for name, digest in erased.items()}
                    yield (
                        f"{timezone.localtime(row.entry.at):%Y-%m-%d %H:%M:%S}",
                        row.who,
                        row.did.word,
                        row.subject,
                        row.label,
                        values.get("before", ""),
                        values.get("after", ""),
                        "; ".join(row.phrases),
                        row.via,
                        row.seal,
                    )

    return csv_files.download(request, "activity", heads, rows())
