"""The small cast: Rita and Rob review, Fred manages filters, Ada administers, Vera looks, Nils has no role."""

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
    """Reviews."""
    return make_person("Rita", Role.REVIEWER)


def rob() -> Person:
    """Reviews too."""
    return make_person("Rob", Role.REVIEWER)


def fred() -> Person:
    """Manages filters."""
    return make_person("Fred", Role.FILTER_MANAGER)


def ada() -> Person:
    """Administers, and reviews."""
    return make_person("Ada", Role.ADMINISTRATOR, Role.REVIEWER)


def vera() -> Person:
    """May only look."""
    return make_person("Vera", Role.VIEWER)


def nils() -> Person:
    """Has no role."""
    return make_person("Nils")


def browser(person: Person | None = None, **options: object) -> Client:
    """A browser of its own, signed in as `person` where one is given."""
    client = Client(**options)
    if person is not None:
        client.force_login(person)
        session = client.session
        session[SIGNED_IN_AT] = time.time()
        session.save()
    return client
