"""Rows found for a lookup, signed in the form: only rows that the CRM returned can be chosen."""

from __future__ import annotations

from uuid import UUID

from django.core import signing

from syncapp.crm.values.lookups import NamedRow

_SALT = "portal.lookup"
MAX_AGE_SECONDS = 24 * 3600


def sign(row: NamedRow) -> str:
    """Return the value of the row's radio button."""
    return signing.dumps([row.table, str(row.id), row.name[:400]], salt=_SALT)


def unsign(text: str) -> NamedRow | None:
    """Return the chosen row; None for text that was not signed here within the last day."""
    try:
        table, row_id, name = signing.loads(text, salt=_SALT, max_age=MAX_AGE_SECONDS)
        return NamedRow(table, UUID(row_id), name)
    except (signing.BadSignature, ValueError, TypeError):
        return None
