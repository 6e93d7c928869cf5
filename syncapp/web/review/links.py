"""Links in mails: to an edit with the intended decision preselected, and to the reader's mail preferences.

Opening a link changes nothing. Decisions are POSTs of the record page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from syncapp.accounts import people
from syncapp.models import Decision, Person, SyncRecord
from syncapp.models.mirror.sync_field import FieldDecision
from syncapp.models.review.decision import DecisionState, Kind
from syncapp.notifications import links
from syncapp.notifications.links import Intent, State
from syncapp.web.base.access import PortalRequest, allow, public, render_card
from syncapp.web.base.page import REVIEW_ROLES
from syncapp.web.review.decision_form import ALL, FieldInput
from syncapp.web.review.record_presenter import InputOf, RecordPresenter, no_input

LINK = "link"  # the parameter with which the record page recognizes a mail's link
GONE = "gone"
_WORDS: Mapping[str, str] = {
    State.OLD: "This link is old. The page shows the edit as it is now; nothing is selected.",
    State.FOREIGN: "This link was made for someone else or is incomplete. Nothing is selected.",
    Intent.APPROVE: "Your mail asked to approve. Check the values, then press Enter or the button.",
    Intent.REJECT: "Your mail asked to reject. Choose a reason, then press Enter or the button.",
}


@allow(*REVIEW_ROLES)
def link(request: PortalRequest, token: str) -> HttpResponse:
    """Redirect to the edit, or the queue if it is gone; the token must not stay in the address or reach other sites."""
    found = links.open_link(token.rstrip("/"), person=request.user)  # some programs add a slash to every address
    if found.record_id is None or not SyncRecord.objects.visible().filter(pk=found.record_id).exists():
        return HttpResponseRedirect(f"{reverse('queue')}?{urlencode({LINK: GONE})}")
    query = urlencode({LINK: found.state or found.intent})
    return HttpResponseRedirect(f"{reverse('record', args=[found.record_id])}?{query}")


@csrf_exempt  # the token is the proof; a mail program that posts has neither cookie nor page
@public(methods=("GET", "POST"))
def mail_preference(request: HttpRequest, token: str) -> HttpResponse:
    """Show or change the reader's mail preference.

    A mail program's POST (RFC 8058: List-Unsubscribe=One-Click) names no preference and means off.
    """
    person = links.recipient_of(token.rstrip("/"))
    if person is None:
        return render_card(request, "settings/mail_preferences/unknown.html", status=404)
    saved = request.method == "POST"
    if saved:
        given = request.POST.get("wish", "")
        notify = Person.Notify(given) if given in Person.Notify.values else Person.Notify.OFF
        people.set_notify(person, notify)
    return render_card(
        request, "settings/mail_preferences/preference.html", reader=person, options=Person.Notify.choices, saved=saved
    )


@dataclass(frozen=True, slots=True)
class MailNotice:
    """The notice after following a mail's link: a text, the number of decided fields, and the last decision."""

    words: str
    decided: int = 0
    last: Decision | None = None


def mail_notice(query: QueryDict, edit: RecordPresenter) -> MailNotice | None:
    """Return the notice; None if the reader did not follow a link in a mail, or if there is nothing to say."""
    origin = query.get(LINK, "")
    if origin not in {*Intent, State.OLD, State.FOREIGN}:
        return None
    decided = [field for field in edit.fields if field.field.decision != FieldDecision.PENDING]
    last = None
    if decided:  # the last decision that a person took and that still stands
        is_by_person = Q(decided_by__isnull=False) | (Q(recognized_by__gt="") & ~Q(kind=Kind.SUPERSEDE))
        by_people = Decision.objects.filter(is_by_person, field__record=edit.record).exclude(state=DecisionState.LOST)
        last = by_people.select_related("decided_by", "rule").order_by("-decided_at").first()
    words = "" if not edit.decidable and origin in (*Intent,) else _WORDS.get(origin, "")
    return MailNotice(words, len(decided), last) if words or decided else None


def wanted_focus(query: QueryDict, edit: RecordPresenter) -> str:
    """Return the intent whose button or first reason gets the focus, '' for none."""
    origin = query.get(LINK, "")
    return origin if origin in (Intent.APPROVE, Intent.REJECT) and edit.decidable else ""


def gone_notice(query: QueryDict) -> str:
    """Return the queue's notice after a link to an edit that is not here, else ''."""
    if query.get(LINK) != GONE:
        return ""
    return "The edit in your link is no longer here. These edits wait for a decision."


def preselected(query: QueryDict, record: SyncRecord) -> InputOf:
    """Return the input that the link preselects, by the key of its controls; nothing is submitted."""
    origin = query.get(LINK, "")
    if origin == Intent.APPROVE:
        return lambda key: FieldInput() if key == ALL else FieldInput(ticked=True)
    if origin == Intent.REJECT:
        means_all = record.waiting_count > 1
        return lambda key: FieldInput(marks=frozenset({"reject"})) if (key == ALL) == means_all else FieldInput()
    return no_input
