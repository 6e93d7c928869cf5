"""The small cast: Rita and Rob review, Fred manages filters, Ada administers, Vera only views, Nils has no role."""

from __future__ import annotations

import time
import uuid

from django.test import Client

from syncapp.models import Person
from syncapp.models.person import ROLE_COLUMNS, Role
from syncapp.web.base.access import SIGNED_IN_AT


def make_person(name: str, *roles: Role, **columns: object) -> Person:
    """Return the person with this name and these roles."""
    wanted = {column: role in roles for role, column in ROLE_COLUMNS.items()}
    wanted |= {
        "name": name,
        "address": f"{name.lower()}@brandvik.example",
        "password": "!none",
        "time_zone_chosen": True,
    } | columns
    oid = uuid.uuid5(uuid.NAMESPACE_DNS, f"{name.lower()}.brandvik.example")
    person, _ = Person.objects.update_or_create(oid=oid, defaults=wanted)
    return person


def rita() -> Person:
    """Return Rita, a reviewer."""
    return make_person("Rita", Role.REVIEWER)


def rob() -> Person:
    """Return Rob, another reviewer."""
    return make_person("Rob", Role.REVIEWER)


def fred() -> Person:
    """Return Fred, a filter manager."""
    return make_person("Fred", Role.FILTER_MANAGER)


def ada() -> Person:
    """Return Ada, an administrator who also reviews."""
    return make_person("Ada", Role.ADMINISTRATOR, Role.REVIEWER)


def vera() -> Person:
    """Return Vera, a viewer."""
    return make_person("Vera", Role.VIEWER)


def nils() -> Person:
    """Return Nils, who has no role."""
    return make_person("Nils")


def browser(person: Person | None = None, **options: object) -> Client:
    """Return a new browser, signed in as `person` if one is given."""
    client = Client(**options)
    if person is not None:
        client.force_login(person)
        session = client.session
        session[SIGNED_IN_AT] = time.time()
        session.save()
    return client
