"""Sign-in with the company's accounts, and sign-out. The portal does not store people's tokens."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, resolve_url
from django.urls import Resolver404, resolve
from django.utils.http import url_has_allowed_host_and_scheme

from syncapp.accounts import people
from syncapp.connection import clients
from syncapp.connection.clients import sign_in_service as service
from syncapp.crm.auth.sign_in import SignInRefused
from syncapp.crm.errors import TokenUnavailable
from syncapp.jobs import breakers
from syncapp.models import Breaker
from syncapp.models.person import Role
from syncapp.web.base.access import SIGNED_IN_AT, PortalRequest, allow, no_access, public, render_card
from syncapp.web.sign_in import attempts
from syncapp.web.sign_in.demo import tours_context

log = logging.getLogger(__name__)

MAX_NEXT = 2000
RECORD_PAGES = ("record", "link")

# OAuth error codes ("Microsoft identity platform and OAuth 2.0 authorization code flow").
ERROR_MESSAGES = {
    "access_denied": "The sign-in was canceled, or your account may not use this application.",
    "consent_required": "An administrator of your company must allow this application first.",
    "interaction_required": "Your account needs another step with Microsoft, for example a second factor.",
    "login_required": "Microsoft could not identify you.",
    "server_error": "Microsoft's sign-in service had an error.",
    "temporarily_unavailable": "Microsoft's sign-in service is busy. Try again in a few minutes.",
}
SESSION_OVER_MESSAGES = {
    "idle": "You were signed out after {minutes} minutes without activity.",
    "age": "You were signed out 8 hours after signing in.",
}
OTHER_ERROR = "The sign-in could not be completed. You are not signed in."


def safe_path(target: str) -> str:
    """Return `target` if it is a path in this portal other than signing in or out, else ''."""
    is_ours = url_has_allowed_host_and_scheme(target, allowed_hosts=None, require_https=True)
    if not is_ours or not target.startswith("/") or len(target) > MAX_NEXT:
        return ""
    return "" if target.startswith((resolve_url("sign_in"), resolve_url("sign_out"))) else target


@public()
def sign_in(request: HttpRequest) -> HttpResponse:
    """Show the sign-in page."""
    next_path = safe_path(request.GET.get("next", ""))
    if request.user.is_authenticated:
        return redirect(next_path or "home")
    over, leads_to_record = SESSION_OVER_MESSAGES.get(request.GET.get("over", ""), ""), False
    with suppress(Resolver404):
        leads_to_record = resolve(urlsplit(next_path).path).url_name in RECORD_PAGES
    context: dict[str, Any] = {
        "next_path": next_path,
        "leads_to_record": leads_to_record,
        "over": over.format(minutes=round(settings.SESSION_IDLE_MINUTES)),
    }
    if settings.DEMO:
        context |= tours_context() | {"started_over": "started" in request.GET}
    return render_card(request, "sign_in/page.html", **context)


@public()
def start(request: HttpRequest) -> HttpResponse:
    """Store the attempt and redirect to the sign-in service."""
    if request.method == "HEAD":
        return HttpResponse()
    next_path = safe_path(request.GET.get("next", ""))
    # The sign-in service returns to BASE_URL, where a cookie of another host name would be missing. Redirect only
    # once, because behind a proxy that rewrites Host the two never agree.
    if request.get_host() != urlsplit(settings.BASE_URL).netloc and "moved" not in request.GET:
        query = urlencode({"next": next_path, "moved": "1"})
        return HttpResponseRedirect(f"{settings.BASE_URL}{resolve_url('sign_in_start')}?{query}")
    try:
        flow = service().begin(settings.BASE_URL + resolve_url("sign_in_callback"))
    except TokenUnavailable as error:
        return _unavailable(request, error, next_path)
    attempts.remember(request, flow, next_path=next_path)
    # Without the prompt, single sign-on would select the same account again.
    prompt = "&prompt=select_account" if "other" in request.GET else ""
    return HttpResponseRedirect(flow["auth_uri"] + prompt)


@public()
def callback(request: HttpRequest) -> HttpResponse:
    """Finish a sign-in: use up this browser's attempt, then start a new session."""
    if request.method == "HEAD":
        return HttpResponse()
    attempt = attempts.consume(request, request.GET.get("state", ""))
    if attempt is None:  # unknown, used, old or another browser's; a redirect to the sign-in could loop
        is_signed_in = request.user.is_authenticated
        return redirect("home") if is_signed_in else render_card(request, "sign_in/start_again.html", status=400)
    try:
        claims = service().finish(attempt.flow, request.GET.dict())
    except SignInRefused as refused:
        log.warning("sign-in refused: %s", refused.reason)
        words = ERROR_MESSAGES.get(request.GET.get("error", ""), OTHER_ERROR)
        return render_card(request, "sign_in/refused.html", status=403, words=words, next_path=attempt.next_path)
    except TokenUnavailable as error:
        return _unavailable(request, error, attempt.next_path)
    breakers.reset(Breaker.Name.SIGN_IN)
    person = people.update_from_claims(claims)
    if person is None:
        request.session.flush()
        return no_access(request, token_roles=claims.roles)
    # The session gets a new key, and keeps nothing from the anonymous one.
    browser = request.session.get(attempts.BROWSER, "")
    request.session.flush()
    login(request, person, backend="django.contrib.auth.backends.ModelBackend")
    request.session[SIGNED_IN_AT] = time.time()
    attempts.carry_over(request, old_browser=browser)
    people.record_sign_in(person)
    return redirect(attempt.next_path or "home")  # validated when the attempt was stored


def _unavailable(request: HttpRequest, error: TokenUnavailable, next_path: str) -> HttpResponse:
    log.warning("sign-in service unavailable: %s", error.code)
    clients.trip_sign_in_breaker(error)
    words = "Microsoft's sign-in service does not answer. Your account is fine. Try again in a few minutes."
    return render_card(request, "sign_in/refused.html", status=503, words=words, next_path=next_path)


@allow(*Role, methods=("POST",))
def extend_session(request: PortalRequest) -> HttpResponse:
    """Extend the session of an open page whose reader is active."""
    return HttpResponse(status=204)


@public(methods=("POST",))
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session here, then with the sign-in service.

    The address is the authority's sign-out page ("OpenID Connect on the Microsoft identity platform", sign-out
    request).
    """
    if request.user.is_authenticated:
        people.record_sign_out(request.user)
    request.session.flush()
    authority = settings.CRM_AUTHORITY
    if settings.DEMO:  # the sandbox speaks http; the https address is only for MSAL
        authority = authority.replace("https://", "http://", 1)
    back = urlencode({"post_logout_redirect_uri": settings.BASE_URL + resolve_url("sign_in")})
    response = HttpResponseRedirect(f"{authority}/oauth2/v2.0/logout?{back}")
    # Not "cookies", which would affect every application of the company's domain.
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response
