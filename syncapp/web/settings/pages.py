"""The settings pages of what counts for everybody: deciding, reasons, groups, mails. Administrators only."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse

from syncapp import preferences
from syncapp.mirror import columns
from syncapp.models.person import Role
from syncapp.notifications import sending
from syncapp.outbox import messages as mails
from syncapp.preferences import BadSetting
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import render_page

MOST_FAILED_MAILS = 50
SECTIONS = (
    ("settings_review", "Review"),
    ("settings_rules", "Rules"),
    ("settings_people", "People"),
    ("settings_mails", "Mails and backlog"),
    ("settings_connection", "Connection"),
    ("settings_file", "File"),
)


def settings_page(
    request: PortalRequest, template: str, *, section: str, status: int = 200, **context: Any
) -> HttpResponse:
    """One of the settings pages, with the links to the others."""
    frame = {"section": "settings", "sections": SECTIONS, "here": section}
    return render_page(request, f"settings/{template}.html", frame | context, status=status)


def saved(request: PortalRequest, page: str, said: str = "Saved.", *arguments: Any) -> HttpResponse:
    """Back to the page, with what was done."""
    messages.success(request, said)
    return HttpResponseRedirect(reverse(page, args=arguments), status=303)


def refused(request: PortalRequest, page: str, why: str, *arguments: Any) -> HttpResponse:
    """Back to the page, with why nothing was done."""
    messages.error(request, why)
    return HttpResponseRedirect(reverse(page, args=arguments), status=303)


@allow(Role.ADMINISTRATOR)
def settings_review(request: PortalRequest) -> HttpResponse:
    """How one decides: undo, reasons, groups."""
    return _page(request, "settings_review")


@allow(Role.ADMINISTRATOR)
def settings_mails(request: PortalRequest) -> HttpResponse:
    """What mails say, whom they reach, and the backlog."""
    return _page(request, "settings_mails")


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_change(request: PortalRequest) -> HttpResponse:
    """Set what one of the forms holds."""
    part = request.POST.get("part", "")
    if part not in _FORMS:
        raise Http404
    form = _FORMS[part]
    wanted = form.read(request.POST)
    try:
        preferences.change(by=request.user, **wanted)
    except BadSetting as error:
        return _page(request, form.page, typed=wanted, part=part, problem=error, status=422)
    return saved(request, form.page)


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_test_mail(request: PortalRequest) -> HttpResponse:
    """Send the administrator a mail, to see that it arrives."""
    if mails.queue("test", to=request.user) is None:
        why = "No test mail: no mail service is configured, or your sign-in gave the portal no address."
        return refused(request, "settings_mails", why)
    return saved(request, "settings_mails", f"A test mail to {request.user.address} is on its way.")


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_retry_mail(request: PortalRequest, message_id: UUID) -> HttpResponse:
    """Send a mail again that could not be sent."""
    if not sending.retry(message_id, by=request.user):
        return refused(request, "settings_mails", "This mail is no longer waiting for a retry.")
    return saved(request, "settings_mails", "The mail is being sent again.")


def _page(request: PortalRequest, page: str, *, typed: Mapping[str, Any] | None = None, **more: Any) -> HttpResponse:
    values = preferences.stored() | dict(typed or {})
    status = more.pop("status", 200)
    context = {
        "values": values,
        "rules": preferences.read(),
        "known": sorted(columns.labels("contact").items()),
        **(_failed_mails() if page == "settings_mails" else {}),
        **more,
    }
    return settings_page(request, page.removeprefix("settings_"), section=page, status=status, **context)


def _failed_mails() -> dict[str, Any]:
    failed = sending.failed()
    return {"failed_mails": failed[:MOST_FAILED_MAILS], "failed_count": failed.count()}


@dataclass(frozen=True, slots=True)
class _Form:
    """One form of these pages: where it stands, and how its controls become columns."""

    page: str
    read: Callable[[QueryDict], dict[str, Any]]


def whole_number(text: str) -> int | str | None:
    """What was typed, as a number where it is one; empty: nothing."""
    text = text.strip()
    return int(text) if re.fullmatch(r"[0-9]{1,6}", text) else text or None


def _deciding(post: QueryDict) -> dict[str, Any]:
    ticks = {name: name in post for name in ("reason_required", "anyone_decides_unidentified")}
    return {"undo_seconds": whole_number(post.get("undo_seconds", "")), **ticks}


def _reasons(post: QueryDict) -> dict[str, Any]:
    rows: list[dict[str, str]] = []
    for code, words in zip(post.getlist("code"), post.getlist("words"), strict=False):
        if words.strip():
            taken = {row["code"] for row in rows} | set(post.getlist("code"))
            rows.append({"code": code or _code_of(words, taken), "words": words.strip()})
    return {"reasons": rows}


def _code_of(words: str, taken: set[str]) -> str:
    """A code for a new reason: its words in small letters; reasons keep their codes when their words change."""
    code = re.sub(r"[^a-z0-9]+", "_", words.casefold()).strip("_")[:36]
    code = code if code[:1].isalpha() else f"reason_{code}".rstrip("_")
    numbers = (f"{code}_{number}" for number in range(2, 99))
    return code if code not in taken else next(each for each in numbers if each not in taken)


def _groups(post: QueryDict) -> dict[str, Any]:
    pairs = zip(post.getlist("name"), post.getlist("columns"), strict=False)
    rows = [{"name": name.strip(), "columns": re.findall(r"[^\s,;]+", names)} for name, names in pairs]
    return {"field_groups": [row for row in rows if row["name"] or row["columns"]]}


def _mails(post: QueryDict) -> dict[str, Any]:
    return {
        "overdue_hours": whole_number(post.get("overdue_hours", "")),
        "mail_values": "mail_values" in post,
        "tell_editors": "tell_editors" in post,
        "operations_address": post.get("operations_address", "").strip(),
    }


def _backlog(post: QueryDict) -> dict[str, Any]:
    return {"backlog": post.get("backlog") == "begin"}


_FORMS = {
    "deciding": _Form("settings_review", _deciding),
    "reasons": _Form("settings_review", _reasons),
    "groups": _Form("settings_review", _groups),
    "mails": _Form("settings_mails", _mails),
    "backlog": _Form("settings_mails", _backlog),
}
