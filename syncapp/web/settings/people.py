"""People: who is known, how they are told, who is away; and everybody's own page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect

from syncapp.accounts import people
from syncapp.accounts.errors import BadPerson
from syncapp.models import Person
from syncapp.models.folding import by_name
from syncapp.models.person import Role
from syncapp.text import localization
from syncapp.text.ids import parse_uuid
from syncapp.web.base import parameters
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.settings.pages import saved, settings_page
from syncapp.web.sign_in.views import safe_path

NOTHING_TYPED = {"oid": "", "name": "", "address": "", "roles": ()}


@allow(Role.ADMINISTRATOR)
def settings_people(request: PortalRequest) -> HttpResponse:
    """Everybody who is known, and the form for somebody new."""
    return _list(request)


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_person_add(request: PortalRequest) -> HttpResponse:
    """Know somebody before the first sign-in."""
    typed: dict[str, Any] = {name: request.POST.get(name, "") for name in ("oid", "name", "address")}
    typed["roles"] = tuple(request.POST.getlist("roles"))
    try:
        person = people.add(by=request.user, **typed)
    except BadPerson as error:
        return _list(request, typed=typed, problem=error, status=422)
    return saved(request, "settings_people", f"{person.name} is known now.")


@allow(Role.ADMINISTRATOR)
def settings_person(request: PortalRequest, person_id: UUID) -> HttpResponse:
    """One person's settings."""
    return _one(request, get_object_or_404(Person, pk=person_id))


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_person_change(request: PortalRequest, person_id: UUID) -> HttpResponse:
    """Change how a person is told, the absence, or whether the person may come in."""
    person = get_object_or_404(Person, pk=person_id)
    try:
        _change(person, request.POST, by=request.user)
    except BadPerson as error:
        return _one(request, person, problem=error, typed=request.POST, status=422)
    return saved(request, "settings_person", "Saved.", person.pk)


@allow(*Role)
def settings_me(request: PortalRequest) -> HttpResponse:
    """One's own settings."""
    return _one(request, request.user, mine=True)


@allow(*Role, methods=("POST",))
def settings_me_change(request: PortalRequest) -> HttpResponse:
    """Change one's own settings; switching oneself off is for others."""
    try:
        _change(request.user, request.POST, by=request.user, steps=_OWN)
    except BadPerson as error:
        return _one(request, request.user, mine=True, problem=error, typed=request.POST, status=422)
    next_path = safe_path(request.POST.get("next", ""))
    return redirect(next_path) if next_path else saved(request, "settings_me")


def _list(request: PortalRequest, *, status: int = 200, **context: Any) -> HttpResponse:
    everybody = sorted(by_name(Person.objects.select_related("deputy")), key=lambda person: not person.is_active)
    shown = {"everybody": everybody, "roles": list(Role), "typed": NOTHING_TYPED} | context
    return settings_page(request, "people", section="settings_people", status=status, **shown)


def _one(request: PortalRequest, person: Person, *, mine: bool = False, status: int = 200, **more: Any) -> HttpResponse:
    typed: QueryDict | None = more.pop("typed", None)
    reviewers = by_name(Person.objects.filter(is_reviewer=True, is_active=True).exclude(pk=person.pk))
    context = {
        "person": person,
        "mine": mine,
        "wishes": Person.Notify.choices,
        "locales": localization.choices(),
        "reviewers": reviewers,
        "shown": _shown(person) | (typed.dict() if typed else {}),
        **more,
    }
    template, section = ("me", "settings_me") if mine else ("person", "settings_people")
    return settings_page(request, template, section=section, status=status, **context)


def _shown(person: Person) -> dict[str, str]:
    return {
        "notify": person.notify,
        "time_zone": person.time_zone,
        "locale": person.locale,
        "absent_until": person.absent_until.isoformat() if person.absent_until else "",
        "deputy": str(person.deputy_id or ""),
    }


def _wishes(person: Person, post: QueryDict, by: Person) -> None:
    wanted = {name: post.get(name, "") for name in ("notify", "time_zone", "locale")}
    people.set_preferences(person.pk, by=by, **wanted)


def _zone(person: Person, post: QueryDict, by: Person) -> None:
    people.set_time_zone(person, post.get("time_zone", ""))


def _letter_keys(person: Person, post: QueryDict, by: Person) -> None:
    people.set_letter_keys(person.pk, enabled="letter_keys" in post, by=by)


def _absence(person: Person, post: QueryDict, by: Person) -> None:
    people.set_away(person.pk, until=_day(post), deputy_id=_id(post.get("deputy", "")), by=by)


def _here(person: Person, post: QueryDict, by: Person) -> None:
    people.set_away(person.pk, until=None, deputy_id=None, by=by)


def _on(person: Person, post: QueryDict, by: Person) -> None:
    people.set_active(person.pk, active=True, by=by)


def _off(person: Person, post: QueryDict, by: Person) -> None:
    people.set_active(person.pk, active=False, by=by)


Step = Callable[[Person, QueryDict, Person], None]
_ANYBODYS: dict[str, Step] = {"wishes": _wishes, "absence": _absence, "here": _here, "on": _on, "off": _off}
_OWN: dict[str, Step] = {"wishes": _wishes, "absence": _absence, "here": _here, "zone": _zone, "keys": _letter_keys}


def _change(person: Person, post: QueryDict, *, by: Person, steps: dict[str, Step] = _ANYBODYS) -> None:
    step = steps.get(post.get("do", ""))
    if step is None:
        raise BadPerson("do", "Nothing was chosen.")
    step(person, post, by)


def _day(post: QueryDict) -> date:
    day = parameters.day(post.get("absent_until", ""))
    if day is None:
        raise BadPerson("absence", "Choose the last day of the absence.")
    return day


def _id(text: str) -> UUID | None:
    found = parse_uuid(text)
    if text and found is None:
        raise BadPerson("absence", "Choose a deputy from the list, or nobody.")
    return found
