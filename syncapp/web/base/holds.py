"""Reasons why decisions are not being written to the CRM."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from syncapp.models import Breaker, Connection
from syncapp.review.delivery.job import BREAKERS

_WORDS = {
    Breaker.Name.OPERATOR_STOP: "writing is stopped",
    Breaker.Name.CRM_CREDENTIALS: "the CRM refuses the portal’s credentials",
    Breaker.Name.CRM_UNREACHABLE: "the CRM does not answer",
    Breaker.Name.CRM_THROTTLED: "the CRM asked for a pause",
    Breaker.Name.FORBIDDEN_REVIEW: "the CRM forbids writing",
    Breaker.Name.REFUSED_REVIEW: "the CRM refuses writing",
    Breaker.Name.WRONG_ORGANIZATION: "the connection leads to another CRM",
}
READ_ONLY = "this connection is read-only"
HoldReason = Callable[[], str]


def reason() -> str:
    """Return why no decision is being written, '' if decisions are written."""
    tripped = set(Breaker.objects.filter(name__in=BREAKERS, opened_at__isnull=False).values_list("name", flat=True))
    if words := next((words for name, words in _WORDS.items() if name in tripped), ""):
        return words
    writes = Connection.objects.values_list("review_writes", flat=True).first()
    return READ_ONLY if writes is False else ""


def cached_reason() -> HoldReason:
    """Return `reason` with a cache for one page: it queries at most once, for the first row that needs it."""
    return cache(reason)
