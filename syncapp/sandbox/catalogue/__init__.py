"""The tables and columns that the sandbox knows: the one description that storage, checks, metadata and pages follow.

Knows nothing of HTTP or SQL. A table or column that is not listed here does not exist for any client.
"""

from __future__ import annotations

from syncapp.sandbox.catalogue.columns import Column, Kind, Option, Table
from syncapp.sandbox.catalogue.contact import CONTACT
from syncapp.sandbox.catalogue.people import (
    ACCOUNT,
    BUSINESS_UNIT,
    CURRENCY,
    ORGANIZATION,
    SYSTEM_USER,
)
from syncapp.sandbox.catalogue.staging import SYNC_FIELD, SYNC_RECORD

TABLES: tuple[Table, ...] = (
    BUSINESS_UNIT,
    CURRENCY,
    ORGANIZATION,
    SYSTEM_USER,
    ACCOUNT,
    CONTACT,
    SYNC_RECORD,
    SYNC_FIELD,
)
BY_NAME: dict[str, Table] = {table.name: table for table in TABLES}
BY_SET: dict[str, Table] = {table.set_name: table for table in TABLES}

__all__ = [
    "ACCOUNT",
    "BUSINESS_UNIT",
    "BY_NAME",
    "BY_SET",
    "CONTACT",
    "CURRENCY",
    "ORGANIZATION",
    "SYNC_FIELD",
    "SYNC_RECORD",
    "SYSTEM_USER",
    "TABLES",
    "Column",
    "Kind",
    "Option",
    "Table",
]
