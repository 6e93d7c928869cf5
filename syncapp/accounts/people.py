"""User accounts: creation at sign-in or beforehand, roles, notification preferences, access."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Collection
from datetime import date
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now

from syncapp import audit
from syncapp.accounts.absence import set_absence
from syncapp.accounts.errors import BadPerson
from syncapp.crm.auth.sign_in import Claims
from syncapp.models import Arrival, Person
from syncapp.models.person import ROLE_COLUMNS, Role
from syncapp.text import escaping, localization, time_zones

log = logging.getLogger(__name__)


@transaction.atomic
def update_from_claims(claims: Claims) -> Person | None:
    """Create or update the person who signs in; return None if they have no role or no access.

    Known people lose the roles that they no longer hold, even if none is left, so that they get no mails.
    """
    roles = known_roles(claims.roles)
    if not roles:
        Person.objects.filter(oid=claims.oid).update(**_role_columns(roles))
        return None
    defaults = {
        "name": claims.name or claims.address or "Unnamed",
        "address": claims.address,
        "signed_in_at": Now(),
        **_role_columns(roles),
    }
    # No password is valid; changing it would end the person's sessions, so it is set only once.
    create_defaults = defaults | {"password": make_password(None)}
    person, _ = Person.objects.update_or_create(oid=claims.oid, defaults=defaults, create_defaults=create_defaults)
    return person if person.is_active else None


def register(claims: Claims) -> None:
    """Create the person named by these claims, unless they exist or hold no role. Their first sign-in updates them."""
    roles = known_roles(claims.roles)
    if roles and not Person.objects.filter(oid=claims.oid).exists():
        _create(claims.oid, name=claims.name, address=claims.address, **_role_columns(roles))


def _create(oid: uuid.UUID, **columns: Any) -> Person:
    """Create a person who has not signed in yet, and who gets mails about edits that arrive from now on."""
    newest = Arrival.objects.aggregate(newest=Max("pk"))["newest"] or 0
    return Person.objects.create(oid=oid, password=make_password(None), notified_until=newest, **columns)


@transaction.atomic
def set_notify(person: Person, notify: Person.Notify) -> None:
    """Set how often a person gets mails, as requested through the link in a mail."""
    if Person.objects.filter(pk=person.pk).exclude(notify=notify).update(notify=notify):
        audit.record("person.wishes", by=person, channel="mail", before=person.notify, after=notify)
    person.notify = notify


def known_roles(names: frozenset[str]) -> frozenset[Role]:
    """Return the roles that the portal knows; log the others, which grant nothing."""
    known = {role.value: role for role in Role}
    unknown = sorted(names - known.keys())
    if unknown:
        example = escaping.log_line(unknown[0][:60])
        log.warning("sign-in: %d roles of the token are unknown here, first %s", len(unknown), example)
    return frozenset(known[name] for name in names & known.keys())


def _role_columns(roles: frozenset[Role]) -> dict[str, bool]:
    return {column: role in roles for role, column in ROLE_COLUMNS.items()}


def record_sign_in(person: Person) -> None:
    """Record a sign-in in the audit log, with its roles."""
    audit.record("person.signed_in", by=person, channel="sign_in", details={"roles": sorted(person.roles)})


def record_sign_out(person: Person) -> None:
    """Record a sign-out in the audit log."""
    audit.record("person.signed_out", by=person, channel="sign_in")


@transaction.atomic
def add(*, oid: uuid.UUID, name: str, address: str, roles: Collection[str], by: Person) -> Person:
    """Create a person before their first sign-in, so that they get mails. The sign-in then replaces the roles.

    Raises BadPerson.
    """
    if Person.objects.filter(oid=oid).exists():
        raise BadPerson("oid", "A person with this object ID already exists.")
    columns = {"name": name, "address": address, **_role_columns(known_roles(frozenset(roles)))}
    person = _create(oid, **columns)
    _record("person.added", person, by=by, after={**columns, "oid": str(oid)})
    return person


@transaction.atomic
def set_preferences(person_id: uuid.UUID, *, notify: str, time_zone: str, by: Person, locale: str = "") -> Person:
    """Set how often the person gets mails, their time zone and, unless empty, the locale for dates and numbers.

    Raises BadPerson.
    """
    person = Person.objects.select_for_update(of=("self",)).get(pk=person_id)
    zone = time_zones.find(time_zone)
    if not zone:
        raise BadPerson("time_zone", f"There is no time zone “{time_zone[:60]}”. Enter one such as Europe/Berlin.")
    if locale and not localization.is_known(locale):
        raise BadPerson("locale", "Choose a format of dates and numbers from the list.")
    changed = {"notify": notify, "time_zone": zone, "locale": locale or person.locale}
    _change(person, "person.wishes", by=by, **changed)
    Person.objects.filter(pk=person.pk, time_zone_chosen=False).update(time_zone_chosen=True)
    return person


@transaction.atomic
def set_time_zone(person: Person, name: str) -> None:
    """Set only the person's own time zone. Raises BadPerson."""
    set_preferences(person.pk, notify=person.notify, time_zone=name, by=person)


def learn_from_browser(person: Person, *, time_zone: str, locale: str) -> None:
    """Adopt the browser's time zone and locale, each only while the person has none."""
    learned: dict[str, Any] = {}
    zone = "" if person.has_time_zone else time_zones.find(time_zone)
    if zone:
        learned |= {"time_zone": zone, "time_zone_chosen": True}
    if locale and not person.locale:
        learned["locale"] = locale
    if not learned:
        return
    words = [value for value in learned.values() if isinstance(value, str)]
    with transaction.atomic():
        Person.objects.filter(pk=person.pk).update(**learned)
        audit.record("person.wishes", by=person, channel="sign_in", after="; ".join(words))
    for name, value in learned.items():
        setattr(person, name, value)


@transaction.atomic
def set_letter_keys(person_id: uuid.UUID, *, enabled: bool, by: Person) -> None:
    """Switch the single-letter keys of the review page on or off."""
    person = Person.objects.select_for_update(of=("self",)).get(pk=person_id)
    _change(person, "person.keys", by=by, letter_keys=enabled)


@transaction.atomic
def set_theme(person_id: uuid.UUID, theme: Person.Theme, *, by: Person) -> None:
    """Set the colors of the person's pages: light, dark, or those of their device."""
    person = Person.objects.select_for_update(of=("self",)).get(pk=person_id)
    _change(person, "person.theme", by=by, theme=theme)


@transaction.atomic
def update_absence(person_id: uuid.UUID, *, until: date | None, deputy: Person | None, by: Person) -> Person:
    """Set or end an absence, unless nothing changes; see `set_absence`. Raises BadPerson."""
    person = Person.objects.select_for_update(of=("self",)).get(pk=person_id)
    if (person.absent_until, person.deputy) == (until, deputy):
        return person
    return set_absence(person, until=until, deputy=deputy, by=by, channel="settings")


@transaction.atomic
def set_active(person_id: uuid.UUID, *, active: bool, by: Person) -> Person:
    """Grant or withdraw access; without access, a person is signed out and gets no mails. Raises BadPerson."""
    person = Person.objects.select_for_update(of=("self",)).get(pk=person_id)
    if person.pk == by.pk and not active:
        raise BadPerson("active", "You cannot deactivate yourself; another administrator can.")
    _change(person, "person.active", by=by, is_active=active)
    return person


def _change(person: Person, action: str, *, by: Person, **columns: Any) -> None:
    before = {name: getattr(person, name) for name in columns}
    if before == columns:
        return
    for name, value in columns.items():
        setattr(person, name, value)
    person.save(update_fields=list(columns))
    _record(action, person, by=by, before=before, after=columns)


def _record(action: str, person: Person, *, by: Person, after: dict[str, Any], before: Any = None) -> None:
    audit.record(
        action,
        by=by,
        channel="settings",
        details={"person": str(person.pk)},
        before=json.dumps(before, ensure_ascii=False) if before else None,
        after=json.dumps(after, ensure_ascii=False),
    )
