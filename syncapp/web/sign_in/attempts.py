"""Sign-ins that were started: kept in the database, bound to the browser that started them, used once."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from syncapp.models import SignInAttempt

AT_ONCE = 5
MINUTES = 10
BROWSER = "browser"


def remember(request: HttpRequest, flow: dict[str, Any], *, next_path: str) -> None:
    """Keep a started flow for this browser; the oldest of its tabs gives way to the sixth."""
    browser = request.session.setdefault(BROWSER, secrets.token_urlsafe(32))
    SignInAttempt.objects.filter(started_at__lt=_oldest_start()).delete()
    SignInAttempt.objects.create(state=flow["state"], browser=browser, flow=flow, next_path=next_path)
    newest = SignInAttempt.objects.filter(browser=browser).order_by("-started_at", "-state")
    SignInAttempt.objects.filter(state__in=list(newest.values_list("state", flat=True)[AT_ONCE:])).delete()


def use_up(request: HttpRequest, state: str) -> SignInAttempt | None:
    """This browser's attempt, gone from the store by now: whoever deletes the row, and only he, may go on."""
    mine = {"state": state, "browser": request.session.get(BROWSER, ""), "started_at__gte": _oldest_start()}
    found = SignInAttempt.objects.filter(**mine).first()
    if found is None or SignInAttempt.objects.filter(**mine).delete()[0] != 1:
        return None
    return found


def carry_over(request: HttpRequest, *, was: str) -> None:
    """Give the session that starts now a browser mark of its own, and let the other tabs finish with it."""
    request.session[BROWSER] = secrets.token_urlsafe(32)
    if was:
        SignInAttempt.objects.filter(browser=was).update(browser=request.session[BROWSER])


def _oldest_start() -> Any:
    return timezone.now() - timedelta(minutes=MINUTES)
