"""Where mails lead: to an edit with the intended choice preselected, and to the reader's wishes about mails.

Opening a link changes nothing anywhere, whoever or whatever opens it. Deciding is a POST of the record page.
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
from syncapp.web.base.access import PortalRequest, allow, card, public
from syncapp.web.base.page import REVIEW_ROLES
from syncapp.web.review import record as shown
from syncapp.web.review.forms import ALL, Typed
from syncapp.web.review.record import RecordShown, TypedOf

LINK = "link"  # the parameter by which the record page knows that, and how, somebody came from a mail
GONE = "gone"
_WORDS: Mapping[str, str] = {
    State.OLD: "This link is old. This is the edit as it is now; nothing was chosen for you.",
    State.FOREIGN: "This link was made for somebody else, or a part of it got lost. Nothing was chosen for you.",
    Intent.APPROVE: "You came to approve: the fields are marked. Nothing is decided before you press the button.",
    Intent.REJECT: "You came to reject: the reason is asked below. Nothing is decided before you press the button.",
}


@allow(*REVIEW_ROLES)
def link(request: PortalRequest, token: str) -> HttpResponse:
    """Lead on to the edit, so that the signed part neither stays in the address nor reaches another site."""
    found = links.open_link(token.rstrip("/"), reader=request.user)  # some programs add a slash to every address
    if found.record_id is None or not SyncRecord.objects.shown().filter(pk=found.record_id).exists():
        return HttpResponseRedirect(f"{reverse('queue')}?{urlencode({LINK: GONE})}")
    query = urlencode({LINK: found.state or found.intent})
    return HttpResponseRedirect(f"{reverse('record', args=[found.record_id])}?{query}")


@csrf_exempt  # the token is the proof; a mail program that posts has neither cookie nor page
@public(methods=("GET", "POST"))
def mail_wishes(request: HttpRequest, token: str) -> HttpResponse:
    """How often the reader wants to be told: a page to choose, or one POST that stops the mails."""
    person = links.reader_of(token.rstrip("/"))
    if person is None:
        return card(request, "settings/mail_preferences/unknown.html", status=404)
    saved = request.method == "POST"
    if saved:
        people.set_notify(person, _wish(request.POST))
    return card(request, "settings/mail_preferences/wishes.html", reader=person, wishes=Person.Notify, saved=saved)


def _wish(posted: QueryDict) -> Person.Notify:
    """What was chosen on the page; what a mail program posts (RFC 8058: List-Unsubscribe=One-Click) means off."""
    chosen = posted.get("wish", "")
    return Person.Notify(chosen) if chosen in Person.Notify.values else Person.Notify.OFF


@dataclass(frozen=True, slots=True)
class CameByLink:
    """What the record page says to somebody who came from a mail; `who` and `when` of what was decided meanwhile."""

    words: str
    decided: int = 0
    last: Decision | None = None


def came_by_link(query: QueryDict, page: RecordShown) -> CameByLink | None:
    """None for everybody who came otherwise."""
    how = query.get(LINK, "")
    if how not in {*Intent, State.OLD, State.FOREIGN}:
        return None
    decided = [field for field in page.fields if field.field.decision != FieldDecision.PENDING]
    last = _last_decision(page.record) if decided else None
    words = "" if not page.decidable and how in (*Intent,) else _WORDS.get(how, "")
    return CameByLink(words, len(decided), last) if words or decided else None


def _last_decision(record: SyncRecord) -> Decision | None:
    by_people = Decision.objects.filter(
        Q(decided_by__isnull=False) | Q(recognized_by__gt="") & ~Q(kind=Kind.SUPERSEDE), field__record=record
    )
    by_people = by_people.exclude(state=DecisionState.LOST)
    return by_people.select_related("decided_by", "rule").order_by("-decided_at").first()


def gone(query: QueryDict) -> str:
    """What the queue says to somebody whose link named an edit that is not here."""
    return (
        "The edit of this link is not here (any more). These are the ones that wait." if query.get(LINK) == GONE else ""
    )


def preselected(query: QueryDict, record: SyncRecord) -> TypedOf:
    """The controls as the link's choice sets them; nothing is sent by that."""
    how = query.get(LINK, "")
    if how == Intent.APPROVE:
        return lambda key: Typed() if key == ALL else Typed(ticked=True)
    if how == Intent.REJECT:
        wanted = ALL if record.waiting_count > 1 else None
        return lambda key: Typed(marks=frozenset({"reject"})) if (key == ALL) == (wanted == ALL) else Typed()
    return shown.nothing_typed
