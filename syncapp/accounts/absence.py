"""Absences and deputies; reminders go to the deputy of an absent person."""

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
    """Set an absence, whose last day is `until`; end it if `until` is None. Raises BadPerson."""
    if until is not None and until < timezone.localdate():
        raise BadPerson("absent_until", "The last day of an absence must be today or later.")
    if deputy is not None and (deputy.pk == person.pk or not deputy.has_role(Role.REVIEWER)):
        raise BadPerson("deputy", "The deputy must be another person who reviews.")
    before = _audit_value(person)
    person.absent_until, person.deputy = until, deputy
    person.save(update_fields=["absent_until", "deputy"])
    audit.record("person.absence", by=by, channel=channel, before=before, after=_audit_value(person))
    return person


def acting_deputy(person: Person, *, day: date | None = None) -> Person:
    """Return who receives reminders on `day` (by default today): `person`, or the first deputy who is present.

    Return `person` if all are absent, or if one of the deputies may no longer review.
    """
    day = day or timezone.localdate()
    seen, deputy = {person.pk}, person
    while deputy.is_absent(day) and deputy.deputy is not None:
        deputy = deputy.deputy
        if deputy.pk in seen or not deputy.has_role(Role.REVIEWER):
            return person
        seen.add(deputy.pk)
    return person if deputy.is_absent(day) else deputy


def _audit_value(person: Person) -> str | None:
    if person.absent_until is None:
        return None
    return f"{person.absent_until.isoformat()} {person.deputy_id or ''}".strip()
