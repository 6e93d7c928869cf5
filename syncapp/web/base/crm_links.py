"""Addresses of forms in the CRM."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings


def form_address(table: str, row_id: UUID) -> str:
    """Return the address of a row's form, such as a contact's."""
    return f"{settings.CRM_ORIGIN}/main.aspx?etn={table}&pagetype=entityrecord&id={row_id}"
