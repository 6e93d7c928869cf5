"""The pages about people: the list, one person, and everyone's own settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect

from syncapp.accounts import people
from syncapp.accounts.errors import BadPerson
from syncapp.models import Person
from syncapp.models.folding import by_name
from syncapp.models.person import Role
from syncapp.text import localization
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.settings.forms import (
    AbsenceForm,
    LetterKeysForm,
    NotificationsForm,
    PersonForm,
    SettingsForm,
    ThemeForm,
)
from syncapp.web.settings.pages import redirect_with_success, render_settings_page
from syncapp.web.sign_in.views import safe_path


@allow(Role.ADMINISTRATOR)
def settings_people(request: PortalRequest) -> HttpResponse:
    """Show all people, and the form to add one."""
    return _list_page(request, PersonForm(initial={"roles": ()}))


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_person_add(request: PortalRequest) -> HttpResponse:
    """Add a person before their first sign-in."""
    form = PersonForm(request.POST)
    if form.is_valid():
        try:
            person = people.add(by=request.user, **form.cleaned_data)
            return redirect_with_success(request, "settings_people", f"{person.name} was added.")
        except BadPerson as error:
            form.refuse(error.field, str(error))
    return _list_page(request, form, status=422)


@allow(Role.ADMINISTRATOR)
def settings_person(request: PortalRequest, person_id: UUID) -> HttpResponse:
    """Show one person's settings."""
    return _person_page(request, get_object_or_404(Person, pk=person_id))


@allow(Role.ADMINISTRATOR, methods=("POST",))
def settings_person_change(request: PortalRequest, person_id: UUID) -> HttpResponse:
    """Change a person's notifications, absence or access."""
    person = get_object_or_404(Person, pk=person_id)
    action, form = request.POST.get("do", ""), _form(request, person)
    if _apply(form, _ADMINISTRATOR_OPERATIONS.get(action), person, by=request.user):
        return redirect_with_success(request, "settings_person", "Saved.", person.pk)
    return _person_page(request, person, status=422, action=action, form=form)


@allow(*Role)
def settings_me(request: PortalRequest) -> HttpResponse:
    """Show the reader's own settings."""
    return _person_page(request, request.user, is_own=True)


@allow(*Role, methods=("POST",))
def settings_me_change(request: PortalRequest) -> HttpResponse:
    """Change the reader's own notifications, absence, time zone, keys or theme, but not their access."""
    action, form = request.POST.get("do", ""), _form(request, request.user)
    if not _apply(form, _OWN_OPERATIONS.get(action), request.user, by=request.user):
        return _person_page(request, request.user, is_own=True, status=422, action=action, form=form)
    next_path = safe_path(request.POST.get("next", ""))
    return redirect(next_path) if next_path else redirect_with_success(request, "settings_me")


def _list_page(request: PortalRequest, form: PersonForm, *, status: int = 200) -> HttpResponse:
    everyone = sorted(by_name(Person.objects.select_related("deputy")), key=lambda person: not person.is_active)
    context = {"people": everyone, "roles": list(Role), "form": form}
    return render_settings_page(request, "people", section="settings_people", status=status, **context)


def _person_page(
    request: PortalRequest,
    person: Person,
    *,
    is_own: bool = False,
    status: int = 200,
    action: str = "",
    form: SettingsForm | None = None,
) -> HttpResponse:
    notifications = form if action in ("wishes", "zone") else NotificationsForm(initial=_initial(person))
    context = {
        "person": person,
        "form": form,
        "notifications": notifications,
        "absence": form if action == "absence" else AbsenceForm(initial=_initial(person)),
        "locales": localization.choices(),
        "themes": list(Person.Theme),
        "reviewers": by_name(Person.objects.filter(is_reviewer=True, is_active=True).exclude(pk=person.pk)),
    }
    template, section = ("me", "settings_me") if is_own else ("person", "settings_people")
    return render_settings_page(request, template, section=section, status=status, **context)


def _initial(person: Person) -> dict[str, Any]:
    return {
        "notify": person.notify,
        "time_zone": person.time_zone,
        "locale": person.locale,
        "absent_until": person.absent_until,
        "deputy": person.deputy_id,
    }


def _form(request: PortalRequest, person: Person) -> SettingsForm:
    """Return the form that was sent, according to the button."""
    action, data = request.POST.get("do", ""), request.POST
    if action == "zone":  # the banner's form has this one input of the notifications
        return NotificationsForm(_initial(person) | {"time_zone": data.get("time_zone", "")})
    forms = {"wishes": NotificationsForm, "absence": AbsenceForm, "keys": LetterKeysForm, "theme": ThemeForm}
    return forms.get(action, SettingsForm)(data)


Operation = Callable[[Person, dict[str, Any], Person], object]


def _apply(form: SettingsForm, operation: Operation | None, person: Person, *, by: Person) -> bool:
    """Apply the submitted form; return whether that succeeded. If not, the form holds the errors."""
    if operation is None:
        form.refuse("", "Choose what to change.")
    if not form.is_valid() or operation is None:
        return False
    try:
        operation(person, form.cleaned_data, by)
    except BadPerson as error:
        form.refuse(error.field, str(error))
        return False
    return True


_COMMON_OPERATIONS: dict[str, Operation] = {
    "wishes": lambda person, data, by: people.set_preferences(person.pk, by=by, **data),
    "absence": lambda person, data, by: people.update_absence(
        person.pk, until=data["absent_until"], deputy=data["deputy"], by=by
    ),
    "here": lambda person, data, by: people.update_absence(person.pk, until=None, deputy=None, by=by),
}
_ADMINISTRATOR_OPERATIONS = _COMMON_OPERATIONS | {
    "on": lambda person, data, by: people.set_active(person.pk, active=True, by=by),
    "off": lambda person, data, by: people.set_active(person.pk, active=False, by=by),
}
_OWN_OPERATIONS = _COMMON_OPERATIONS | {
    "zone": lambda person, data, by: people.set_time_zone(person, data["time_zone"]),
    "keys": lambda person, data, by: people.set_letter_keys(person.pk, enabled=data["letter_keys"], by=by),
    "theme": lambda person, data, by: people.set_theme(person.pk, data["theme"], by=by),
}
