"""Who may come in: the person behind a finished sign-in, with the roles that the tenant gives today."""

from __future__ import annotations

import logging

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models.functions import Now

from syncapp import audit
from syncapp.crm.auth import Claims
from syncapp.models import Person
from syncapp.models.person import ROLE_COLUMNS, Role

log = logging.getLogger(__name__)


@transaction.atomic
def recognise(claims: Claims) -> Person | None:
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


@transaction.atomic
def wish_by_mail(person: Person, notify: Person.Notify) -> None:
    """The reader of a mail says by its link how often to be told."""
    if Person.objects.filter(pk=person.pk).exclude(notify=notify).update(notify=notify):
        audit.record("person.wishes", by=person, channel="mail", before=person.notify, after=notify)
    person.notify = notify


def known_roles(names: frozenset[str]) -> frozenset[Role]:
    """The roles that mean something here; any other is logged and grants nothing."""
    known = {role.value: role for role in Role}
    unknown = sorted(names - known.keys())
    if unknown:
        log.warning("sign-in: %d roles of the token are unknown here, first %r", len(unknown), unknown[0][:60])
    return frozenset(known[name] for name in names & known.keys())


def _columns_of(roles: frozenset[Role]) -> dict[str, bool]:
    return {column: role in roles for role, column in ROLE_COLUMNS.items()}


def note_sign_in(person: Person) -> None:
    """Put a successful sign-in into the audit trail, with the roles that came with it."""
    audit.record("person.signed_in", by=person, channel="sign_in", details={"roles": sorted(person.roles)})


def note_sign_out(person: Person) -> None:
    """Put a sign-out into the audit trail."""
    audit.record("person.signed_out", by=person, channel="sign_in")
