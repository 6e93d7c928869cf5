"""What was found for a lookup, as a form carries it: signed, so that only rows which the CRM named can be chosen."""

from __future__ import annotations

from uuid import UUID

from django.core import signing

from syncapp.crm.values.lookups import NamedRow

_SALT = "portal.lookup"
LONGEST_SECONDS = 24 * 3600


def signed(row: NamedRow) -> str:
    """The value of its radio button."""
    return signing.dumps([row.table, str(row.id), row.name[:400]], salt=_SALT)


def read(text: str) -> NamedRow | None:
    """The row that was chosen; None for anything that this portal did not write, or wrote more than a day ago."""
    try:
        table, row_id, name = signing.loads(text, salt=_SALT, max_age=LONGEST_SECONDS)
        return NamedRow(table, UUID(row_id), name)
    except (signing.BadSignature, ValueError, TypeError):
        return None
