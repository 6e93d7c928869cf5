"""Evidence: what the trail holds about one contact, one person or one period, on one page that can be printed."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property

from django.http import HttpResponse
from django.utils import timezone

from syncapp import audit
from syncapp.activity import audit_log
from syncapp.activity.audit_log import Page
from syncapp.models import SyncRecord
from syncapp.review.queue import word_search
from syncapp.web.activity import presenter
from syncapp.web.activity.params import ParamsView
from syncapp.web.activity.presenter import Day, Shown
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import REVIEW_ROLES, render_page

MOST = 2000
MOST_CONTACTS = 20


class EvidenceView(ParamsView):
    """The story of what was asked for, oldest first, up to the moment when somebody asked."""

    most = MOST
    asked_at: datetime

    @property
    def is_about_something(self) -> bool:
        """Whether a contact, a person or a period is named; without, the page asks for one."""
        asked = self.asked
        return bool(asked.contact or asked.person or asked.by_portal or asked.since or asked.until)

    @cached_property
    def page(self) -> Page:
        return audit_log.oldest_first(audit_log.narrowed(self.asked, until=self.asked_at), most=MOST)

    @cached_property
    def shown(self) -> list[Shown]:
        return presenter.shown(self.page.entries)

    @cached_property
    def days(self) -> list[Day]:
        return presenter.by_day(self.shown)

    @cached_property
    def digest(self) -> str:
        """Of all entries in their order: the same page later, up to the same moment, has the same."""
        return audit.digest("\n".join(each.seal for each in self.shown))

    @cached_property
    def contacts(self) -> list[tuple[SyncRecord, str]]:
        """Return the first contacts that the search finds: an edit of each, and the address of its evidence."""
        if not self.asked.name:
            return []
        edits = SyncRecord.objects.shown().filter(target_id__isnull=False).order_by("name_key", "id")
        rows = word_search.filter_records(edits, self.asked.name)[: MOST_CONTACTS * 5]
        found = list({edit.target_id: edit for edit in rows}.values())[:MOST_CONTACTS]
        return [(edit, self.query(contact=str(edit.target_id), q="")) for edit in found]


@allow(*REVIEW_ROLES)
def evidence(request: PortalRequest) -> HttpResponse:
    """The page, or the question what it should be about."""
    view = EvidenceView(request.GET)
    view.asked_at = timezone.now()
    template = "activity/evidence.html" if view.is_about_something else "activity/evidence_about.html"
    return render_page(request, template, {"section": "activity", "view": view})
