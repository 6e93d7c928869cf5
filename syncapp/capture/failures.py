"""Edits from Outlook that could not be read or staged, and now wait for an administrator."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q

from syncapp.audit import log as audit
from syncapp.capture.policy import Reason
from syncapp.models import Capture, CaptureEntry, Person
from syncapp.models.capture.entry import CaptureEntryQuerySet, EntryState, Source
from syncapp.models.capture.settings import CaptureRule


def failed_entries() -> CaptureEntryQuerySet:
    """Return the entries that may be from Outlook and are set aside, oldest first."""
    may_be = Q(source=Source.OUTLOOK) | Q(reason=Reason.NOT_STAGED)
    if Capture.objects.filter(rule=CaptureRule.ORIGINAL).exists():
        may_be |= Q(source__in=[Source.PROGRAM, Source.UNKNOWN])
    return CaptureEntry.objects.filter(may_be, state=EntryState.SET_ASIDE).in_order()


@transaction.atomic
def retry(*, by: Person) -> int:
    """Let the next round read and stage the failed entries again; return how many.

    Entries that the CRM has deleted from its audit log stay failed, because they can no longer be read.
    """
    staged = failed_entries().filter(reason=Reason.NOT_STAGED)
    number = staged.update(state=EntryState.READ, reason="", problem="")
    unread = failed_entries().filter(reason=Reason.UNREADABLE)
    number += unread.update(state=EntryState.NEW, reason="", problem="", attempts=0)
    if number:
        audit.record("capture.retried", by=by, channel="settings", details={"entries": number})
    return number


@transaction.atomic
def leave_in_crm(*, by: Person) -> int:
    """Let the failed entries through, so that their changes stay in the CRM; return how many."""
    number = failed_entries().update(state=EntryState.LET_THROUGH, reason=Reason.LEFT)
    if number:
        audit.record("capture.left", by=by, channel="settings", details={"entries": number})
    return number
