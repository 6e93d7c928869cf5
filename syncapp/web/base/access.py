"""Access to pages: the decorators of every view."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render, resolve_url
from django.utils.http import urlencode
from django_htmx.middleware import HtmxDetails

from syncapp.models import Person
from syncapp.models.person import Role

SIGNED_IN_AT = "signed_in_at"
SESSION_OVER = "session_over"  # the request's attribute with the reason why its session has just ended
MAX_ROLES = 20  # the page lists at most this many roles of a token
SAFE_METHODS = frozenset({"GET", "HEAD"})

P = ParamSpec("P")
AnyView = Callable[..., HttpResponseBase]  # only Django calls the result


class PortalRequest(HttpRequest):
    """A request behind `allow`: its user is signed in, and htmx's headers are parsed."""

    user: Person
    htmx: HtmxDetails


def allow(
    *roles: Role, methods: Collection[str] = ("GET",)
) -> Callable[[Callable[Concatenate[PortalRequest, P], HttpResponseBase]], AnyView]:
    """Admit only people with one of `roles`, and only requests with these methods; GET also allows HEAD.

    The view gets `allowed_roles` and `allowed_methods`, by which a test finds unguarded views.
    """
    allowed = _with_head(methods)

    def decorate(view: Callable[Concatenate[PortalRequest, P], HttpResponseBase]) -> AnyView:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if request.method not in allowed:
                return _method_not_allowed(request, allowed)
            if not request.user.is_authenticated:
                return redirect_to_sign_in(request)
            if not request.user.has_role(*roles):
                return no_access(request, roles=roles)
            return view(cast(PortalRequest, request), *args, **kwargs)

        return _mark_view(guarded, roles=frozenset(roles), methods=allowed)

    return decorate


def public(
    *, methods: Collection[str] = ("GET",)
) -> Callable[[Callable[Concatenate[HttpRequest, P], HttpResponseBase]], AnyView]:
    """Admit everyone, signed in or not. Only for pages such as the sign-in page, links in mails, and /healthz."""
    allowed = _with_head(methods)

    def decorate(view: Callable[Concatenate[HttpRequest, P], HttpResponseBase]) -> AnyView:
        @wraps(view)
        def checked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if request.method not in allowed:
                return _method_not_allowed(request, allowed)
            return view(request, *args, **kwargs)

        return _mark_view(checked, roles=None, methods=allowed)

    return decorate


def _with_head(methods: Collection[str]) -> frozenset[str]:
    return frozenset(methods) | ({"HEAD"} if "GET" in methods else frozenset())


def _mark_view(view: AnyView, *, roles: frozenset[Role] | None, methods: frozenset[str]) -> AnyView:
    view.allowed_roles = roles  # type: ignore[attr-defined]  # the test that walks the routes reads it
    view.allowed_methods = methods  # type: ignore[attr-defined]  # the test that walks the routes reads it
    return view


def _method_not_allowed(request: HttpRequest, methods: frozenset[str]) -> HttpResponse:
    """Answer 405 with a page for people who opened a form's address from the history, a bookmark or a copied link."""
    return HttpResponseNotAllowed(sorted(methods), render(request, "405.html").content)


def redirect_to_sign_in(request: HttpRequest) -> HttpResponse:
    """Redirect to the sign-in page, which leads back to the current page; have htmx redirect the whole page."""
    htmx, over = HtmxDetails(request), getattr(request, SESSION_OVER, "")
    # A POST cannot be repeated after signing in, and its address answers no GET.
    present = request.get_full_path() if request.method in SAFE_METHODS else ""
    back = (htmx.current_url_abs_path if htmx else present) or resolve_url("home")
    target = resolve_url("sign_in") + "?" + urlencode({"next": back} | ({"over": over} if over else {}))
    if htmx:
        return HttpResponse(status=401, headers={"HX-Redirect": target})
    return HttpResponseRedirect(target)


def no_access(
    request: HttpRequest, *, roles: Collection[Role] = (), token_roles: Collection[str] | None = None
) -> HttpResponse:
    """Answer 403 with the roles that would suffice and the person to ask for one.

    `token_roles` are the roles in the token of a sign-in that gave no access.
    """
    known = [role.value for role in Role]
    context: dict[str, Any] = {"wanted": [role.label for role in roles], "known": known}
    if token_roles is not None:
        is_deactivated = not set(known).isdisjoint(token_roles)
        listed = sorted(token_roles)[:MAX_ROLES]
        context |= {"is_sign_in": True, "token_roles": listed, "is_deactivated": is_deactivated}
    return render_card(request, "sign_in/no_access.html", status=403, **context)


def render_card(request: HttpRequest, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """Render a small page without navigation, such as the sign-in page."""
    frame = {
        "environment_name": settings.ENVIRONMENT_NAME,
        "help_address": settings.SIGN_IN_HELP,
        "idle_minutes": round(settings.SESSION_IDLE_MINUTES),
    }
    return render(request, template, frame | context, status=status)
