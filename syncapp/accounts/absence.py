"""Who is away, and who stands in: reminders go to the deputy."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils import timezone

from syncapp import audit
from syncapp.accounts.errors import BadPerson
from syncapp.models import Person
from syncapp.models.person import Role


@transaction.atomic
def set_absence(
    person: Person, *, until: date | None, deputy: Person | None, by: Person, channel: str = "screen"
) -> Person:
    """The person is away up to and including `until` (None: is here). Raises BadPerson for a useless deputy."""
    if until is not None and until < timezone.localdate():
        raise BadPerson("absence", "The last day of an absence is today or later.")
    if deputy is not None and (deputy.pk == person.pk or not deputy.has_role(Role.REVIEWER)):
        raise BadPerson("absence", "The deputy is somebody else, who reviews.")
    before = _told(person)
    person.absent_until, person.deputy = until, deputy
    person.save(update_fields=["absent_until", "deputy"])
    audit.record("person.absence", by=by, channel=channel, before=before, after=_told(person))
    return person


def acting_deputy(person: Person, *, day: date | None = None) -> Person:
    """Who is to be told on this day (today): the person, or along the deputies the first who is here.

    Where nobody of them is here, or one may no longer review, it stays with the person himself.
    """
    day = day or timezone.localdate()
    seen, here = {person.pk}, person
    while here.is_absent(day) and here.deputy is not None:
        here = here.deputy
        if here.pk in seen or not here.has_role(Role.REVIEWER):
            return person
        seen.add(here.pk)
    return person if here.is_absent(day) else here


def _told(person: Person) -> str | None:
    if person.absent_until is None:
        return None
    return f"{person.absent_until.isoformat()} {person.deputy_id or ''}".strip()
