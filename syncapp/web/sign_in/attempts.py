"""Started sign-ins, stored in the database: each is bound to its browser and used once."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from syncapp.models import SignInAttempt

MAX_PER_BROWSER = 5
MINUTES = 10
BROWSER = "browser"


def remember(request: HttpRequest, flow: dict[str, Any], *, next_path: str) -> None:
    """Store a started flow for this browser; delete expired flows, and the browser's oldest beyond MAX_PER_BROWSER."""
    browser = request.session.setdefault(BROWSER, secrets.token_urlsafe(32))
    SignInAttempt.objects.filter(started_at__lt=_oldest_start()).delete()
    SignInAttempt.objects.create(state=flow["state"], browser=browser, flow=flow, next_path=next_path)
    newest = SignInAttempt.objects.filter(browser=browser).order_by("-started_at", "-state")
    SignInAttempt.objects.filter(state__in=list(newest.values_list("state", flat=True)[MAX_PER_BROWSER:])).delete()


def consume(request: HttpRequest, state: str) -> SignInAttempt | None:
    """Return and delete this browser's attempt; of concurrent requests, only the one that deletes the row gets it."""
    conditions = {"state": state, "browser": request.session.get(BROWSER, ""), "started_at__gte": _oldest_start()}
    found = SignInAttempt.objects.filter(**conditions).first()
    if found is None or SignInAttempt.objects.filter(**conditions).delete()[0] != 1:
        return None
    return found


def carry_over(request: HttpRequest, *, old_browser: str) -> None:
    """Give the new session its own browser id, and move the started sign-ins of other tabs to it."""
    request.session[BROWSER] = secrets.token_urlsafe(32)
    if old_browser:
        SignInAttempt.objects.filter(browser=old_browser).update(browser=request.session[BROWSER])


def _oldest_start() -> datetime:
    return timezone.now() - timedelta(minutes=MINUTES)
