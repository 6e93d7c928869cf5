"""The evidence page: all entries about one contact, person or period, for printing."""

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
from syncapp.web.activity.links import Links
from syncapp.web.activity.params import ParamsView
from syncapp.web.activity.presenter import Day, EntryPresenter
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import REVIEW_ROLES, render_page

MAX_ENTRIES = 2000
MAX_CONTACTS = 20


class EvidenceView(ParamsView):
    """The matching entries, oldest first, up to the time of the request."""

    max_entries = MAX_ENTRIES
    requested_at: datetime
    links: Links

    @property
    def has_subject(self) -> bool:
        """Return whether a contact, a person or a period is selected."""
        conditions = self.filter
        return bool(
            conditions.contact or conditions.person or conditions.by_portal or conditions.since or conditions.until
        )

    @cached_property
    def page(self) -> Page:
        return audit_log.oldest_entries(audit_log.limit_until(self.filter, until=self.requested_at), limit=MAX_ENTRIES)

    @cached_property
    def entries(self) -> list[EntryPresenter]:
        return presenter.present(self.page.entries, self.links)

    @cached_property
    def days(self) -> list[Day]:
        return presenter.by_day(self.entries)

    @cached_property
    def digest(self) -> str:
        """Return one digest of all entries, oldest first; the same filters and time reproduce it."""
        return audit.digest("\n".join(entry.seal for entry in self.entries))

    @cached_property
    def contacts(self) -> list[tuple[SyncRecord, str]]:
        """Return the first contacts that the search finds, each as one of its edits and the address of its evidence."""
        if not self.filter.name:
            return []
        edits = SyncRecord.objects.visible().filter(target_id__isnull=False).order_by("name_key", "id")
        rows = word_search.filter_records(edits, self.filter.name)[: MAX_CONTACTS * 5]
        found = list({edit.target_id: edit for edit in rows}.values())[:MAX_CONTACTS]
        return [(edit, self.query(contact=str(edit.target_id), q="")) for edit in found]


@allow(*REVIEW_ROLES)
def evidence(request: PortalRequest) -> HttpResponse:
    """Show the evidence, or the forms to select a subject if none is selected."""
    view = EvidenceView(request.GET)
    view.requested_at, view.links = timezone.now(), Links(request.user)
    template = "activity/evidence.html" if view.has_subject else "activity/evidence_about.html"
    return render_page(request, template, {"section": "activity", "view": view})
