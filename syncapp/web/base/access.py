"""Who may see what: the one decorator of every page and fragment."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render, resolve_url
from django.utils.http import urlencode
from django_htmx.middleware import HtmxDetails

from syncapp.models import Person
from syncapp.models.person import Role

SIGNED_IN_AT = "signed_in_at"
SESSION_OVER = "session_over"  # on a request whose session has just ended: why
SAFE_METHODS = frozenset({"GET", "HEAD"})

P = ParamSpec("P")
AnyView = Callable[..., HttpResponseBase]  # only Django calls the result


class PortalRequest(HttpRequest):
    """A request behind `allow`: somebody is signed in, and htmx's headers are read."""

    user: Person
    htmx: HtmxDetails


def allow(
    *roles: Role, methods: Collection[str] = ("GET",)
) -> Callable[[Callable[Concatenate[PortalRequest, P], HttpResponseBase]], AnyView]:
    """Let only people with one of `roles` in, by these methods; GET also allows HEAD.

    The view gets `allowed_roles` and `allowed_methods`, so that a test finds a view that nobody guarded.
    """
    wanted = _with_head(methods)

    def decorate(view: Callable[Concatenate[PortalRequest, P], HttpResponseBase]) -> AnyView:
        @wraps(view)
        def guarded(request: PortalRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            refusal = _refusal(request, roles, wanted)
            return refusal if refusal is not None else view(request, *args, **kwargs)

        return _listed(guarded, roles=frozenset(roles), methods=wanted)

    return decorate


def public(
    *, methods: Collection[str] = ("GET",)
) -> Callable[[Callable[Concatenate[HttpRequest, P], HttpResponseBase]], AnyView]:
    """Let everybody in, signed in or not: the sign-in pages and the health page only."""
    wanted = _with_head(methods)

    def decorate(view: Callable[Concatenate[HttpRequest, P], HttpResponseBase]) -> AnyView:
        @wraps(view)
        def checked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if request.method not in wanted:
                return _not_allowed(request, wanted)
            return view(request, *args, **kwargs)

        return _listed(checked, roles=None, methods=wanted)

    return decorate


def _with_head(methods: Collection[str]) -> frozenset[str]:
    return frozenset(methods) | ({"HEAD"} if "GET" in methods else frozenset())


def _listed(view: AnyView, *, roles: frozenset[Role] | None, methods: frozenset[str]) -> AnyView:
    view.allowed_roles = roles  # type: ignore[attr-defined]  # the test that walks the routes reads it
    view.allowed_methods = methods  # type: ignore[attr-defined]  # the test that walks the routes reads it
    return view


def _refusal(request: HttpRequest, roles: Collection[Role], methods: frozenset[str]) -> HttpResponse | None:
    if request.method not in methods:
        return _not_allowed(request, methods)
    if not request.user.is_authenticated:
        return to_sign_in(request)
    if not request.user.has_role(*roles):
        return no_access(request, wanted=roles)
    return None


def _not_allowed(request: HttpRequest, methods: frozenset[str]) -> HttpResponse:
    """An address that only a form sends to, opened by itself: from the history, a bookmark, a copied address."""
    return HttpResponseNotAllowed(sorted(methods), render(request, "405.html").content)


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """Send to the sign-in page, remembering the page that the person was on; htmx leaves its page for it."""
    over = getattr(request, SESSION_OVER, "")
    said = {"next": _page_to_come_back_to(request)} | ({"over": over} if over else {})
    target = resolve_url("sign_in") + "?" + urlencode(said)
    if HtmxDetails(request):
        return HttpResponse(status=401, headers={"HX-Redirect": target})
    return HttpResponseRedirect(target)


def _page_to_come_back_to(request: HttpRequest) -> str:
    htmx = HtmxDetails(request)
    if htmx:
        return htmx.current_url_abs_path or resolve_url("home")
    # What was posted cannot be repeated after signing in, and its address answers no GET.
    return request.get_full_path() if request.method in SAFE_METHODS else resolve_url("home")


def no_access(request: HttpRequest, *, wanted: Collection[Role] = ()) -> HttpResponse:
    """The page for somebody whose roles do not suffice: which ones would, and whom to ask."""
    return card(request, "sign_in/no_access.html", status=403, wanted=[role.value for role in wanted])


def card(request: HttpRequest, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """One of the small pages around signing in: with the environment's name and whom to ask for help."""
    frame = {
        "environment_name": settings.ENVIRONMENT_NAME,
        "help_address": settings.SIGN_IN_HELP,
        "idle_minutes": round(settings.SESSION_IDLE_MINUTES),
    }
    return render(request, template, frame | context, status=status)
