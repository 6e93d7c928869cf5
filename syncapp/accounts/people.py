"""Who may come in, and how people are told: at sign-in with the tenant's roles, before it by an administrator."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Collection
from datetime import date
from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
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
from syncapp.text.ids import parse_uuid

log = logging.getLogger(__name__)


@transaction.atomic
def update_from_claims(claims: Claims) -> Person | None:
    """The person as of this sign-in, or None for somebody who may not come in: no role, or switched off.

    Known people lose the roles that they no longer hold even when none is left, so that no mail reaches them.
    """
    roles = known_roles(claims.roles)
    if not roles:
        Person.objects.filter(oid=claims.oid).update(**_columns_of(roles))
        return None
    seen = {"name": claims.name or claims.address or "Unnamed", "address": claims.address, "signed_in_at": Now()}
    first = {"password": make_password(None)}  # none works; changing it ends the person's sessions
    defaults = seen | _columns_of(roles)
    person, _ = Person.objects.update_or_create(oid=claims.oid, defaults=defaults, create_defaults=defaults | first)
    return person if person.is_active else None


def register(claims: Claims) -> None:
    """Create the person these claims name unless they are known or hold no role; their first sign-in joins them."""
    held = known_roles(claims.roles)
    if held and not Person.objects.filter(oid=claims.oid).exists():
        _create(claims.oid, name=claims.name, address=claims.address, **_columns_of(held))


def _create(oid: uuid.UUID, **columns: Any) -> Person:
    """Create a person who has not signed in; mails tell them of edits that arrive from now on."""
    newest = Arrival.objects.aggregate(newest=Max("pk"))["newest"] or 0
    return Person.objects.create(oid=oid, password=make_password(None), notified_until=newest, **columns)


@transaction.atomic
def set_notify(person: Person, notify: Person.Notify) -> None:
    """The reader of a mail says by its link how often to be told."""
    if Person.objects.filter(pk=person.pk).exclude(notify=notify).update(notify=notify):
        audit.record("person.wishes", by=person, channel="mail", before=person.notify, after=notify)
    person.notify = notify


def known_roles(names: frozenset[str]) -> frozenset[Role]:
    """The roles that mean something here; any other is logged and grants nothing."""
    known = {role.value: role for role in Role}
    unknown = sorted(names - known.keys())
    if unknown:
        named = escaping.log_line(unknown[0][:60])
        log.warning("sign-in: %d roles of the token are unknown here, first %s", len(unknown), named)
    return frozenset(known[name] for name in names & known.keys())


def _columns_of(roles: frozenset[Role]) -> dict[str, bool]:
    return {column: role in roles for role, column in ROLE_COLUMNS.items()}


def record_sign_in(person: Person) -> None:
    """Put a successful sign-in into the audit trail, with the roles that came with it."""
    audit.record("person.signed_in", by=person, channel="sign_in", details={"roles": sorted(person.roles)})


def record_sign_out(person: Person) -> None:
    """Put a sign-out into the audit trail."""
    audit.record("person.signed_out", by=person, channel="sign_in")


@transaction.atomic
def add(*, oid: str, name: str, address: str, roles: Collection[str], by: Person) -> Person:
    """Know somebody before the first sign-in, so that mails have a reader; that sign-in then sets the roles anew.

    Raises BadPerson.
    """
    identity = _identity(oid)
    held = known_roles(frozenset(roles))
    if not 0 < len(name.strip()) <= 200:
        raise BadPerson("name", "A name of 1 to 200 characters.")
    if not held:
        raise BadPerson("roles", "Tick at least one role: mails go only to people who hold one.")
    columns = {"name": name.strip(), "address": _mail(address), **_columns_of(held)}
    person = _create(identity, **columns)
    _note("person.added", person, by=by, after={**columns, "oid": str(identity)})
    return person


def _identity(text: str) -> uuid.UUID:
    identity = parse_uuid(text.strip())
    if identity is None:
        raise BadPerson("oid", "Entra’s object id, such as 1b4e28ba-2fa1-11d2-883f-0016d3cca427.")
    if Person.objects.filter(oid=identity).exists():
        raise BadPerson("oid", "Somebody with this object id is here already.")
    return identity


def _mail(text: str) -> str:
    try:
        validate_email(text.strip())
    except ValidationError as error:
        raise BadPerson("address", "An e-mail address is needed.") from error
    return text.strip()


@transaction.atomic
def set_preferences(person_id: uuid.UUID, *, notify: str, time_zone: str, by: Person, locale: str = "") -> Person:
    """Set how the person is told of new edits, and how times, dates and numbers are written. Raises BadPerson.

    An empty `locale` leaves it as it is.
    """
    person = Person.objects.select_for_update(of=("self",)).get(pk=person_id)
    if notify not in Person.Notify.values:
        raise BadPerson("notify", "One of the four wishes.")
    zone = time_zones.find(time_zone)
    if not zone:
        raise BadPerson("time_zone", f"No time zone is called “{time_zone[:60]}”. Choose one such as Europe/Berlin.")
    if locale and not localization.is_known(locale):
        raise BadPerson("locale", "Choose a format of dates and numbers from the list.")
    wishes = {"notify": notify, "time_zone": zone, "locale": locale or person.locale}
    _change(person, "person.wishes", by=by, **wishes)
    Person.objects.filter(pk=person.pk, time_zone_chosen=False).update(time_zone_chosen=True)
    return person


@transaction.atomic
def set_time_zone(person: Person, name: str) -> None:
    """Set the person's own time zone and nothing else. Raises BadPerson."""
    set_preferences(person.pk, notify=person.notify, time_zone=name, by=person)


def learn_from_browser(person: Person, *, time_zone: str, locale: str) -> None:
    """Take what the browser says of time zone and locale, each only while the person has none."""
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
    """Turn the single-letter keys of the review page on or off for one person."""
    person = Person.objects.select_for_update(of=("self",)).get(pk=person_id)
    _change(person, "person.keys", by=by, letter_keys=enabled)


@transaction.atomic
def set_away(person_id: uuid.UUID, *, until: date | None, deputy_id: uuid.UUID | None, by: Person) -> Person:
    """The person is away up to and including `until`, or here. Raises BadPerson."""
    person = Person.objects.select_for_update(of=("self",)).get(pk=person_id)
    deputy = Person.objects.filter(pk=deputy_id).first() if deputy_id else None
    if (person.absent_until, person.deputy_id) == (until, deputy_id):
        return person
    return set_absence(person, until=until, deputy=deputy, by=by, channel="settings")


@transaction.atomic
def set_active(person_id: uuid.UUID, *, active: bool, by: Person) -> Person:
    """Let a person in or not; whoever is switched off is signed out at once and gets no mails. Raises BadPerson."""
    person = Person.objects.select_for_update(of=("self",)).get(pk=person_id)
    if person.pk == by.pk and not active:
        raise BadPerson("active", "Nobody switches himself off; another administrator can.")
    _change(person, "person.active", by=by, is_active=active)
    return person


def _change(person: Person, action: str, *, by: Person, **columns: Any) -> None:
    before = {name: getattr(person, name) for name in columns}
    if before == columns:
        return
    for name, value in columns.items():
        setattr(person, name, value)
    person.save(update_fields=list(columns))
    _note(action, person, by=by, before=before, after=columns)


def _note(action: str, person: Person, *, by: Person, after: dict[str, Any], before: Any = None) -> None:
    audit.record(
        action,
        by=by,
        channel="settings",
        details={"person": str(person.pk)},
        before=json.dumps(before, ensure_ascii=False) if before else None,
        after=json.dumps(after, ensure_ascii=False),
    )
