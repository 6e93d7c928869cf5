"""Ids in text from outside: addresses, forms, stored details, rows of the CRM."""

from __future__ import annotations

from uuid import UUID


def parse_uuid(text: object) -> UUID | None:
    """Return the UUID that a text holds, or None."""
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None
