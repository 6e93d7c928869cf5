"""Duplicate detection, which a header requests ("Detect duplicate data using the Web API").

Simplified: the published rules are two of those that every environment starts with, and they compare whole values.
"""

from __future__ import annotations

from collections.abc import Mapping

from dataverse_sandbox import errors
from dataverse_sandbox.catalog import Table
from dataverse_sandbox.errors import ApiError
from dataverse_sandbox.operands import Operand
from dataverse_sandbox.store import Transaction

_RULES = {"contact": "emailaddress1", "account": "name"}


def is_requested(headers: Mapping[str, str]) -> bool:
    return headers.get("mscrm.suppressduplicatedetection", "true").lower() == "false"


def check(transaction: Transaction, table: Table, row: Mapping[str, object], changes: Mapping[str, object]) -> None:
    """Raise ApiError 412 when another row has a unique value of this row."""
    column = _RULES.get(table.name, "")
    value = changes.get(column)
    if not transaction.detects_duplicates or value is None:
        return
    compared = Operand(column, table.by_name[column]).compared
    statement = f"SELECT 1 FROM {table.name} WHERE {compared} = ? AND {table.key.name} IS NOT ? LIMIT 1"  # noqa: S608 - catalog
    if transaction.connection.execute(statement, (value, row.get(table.key.name))).fetchone():
        text = "A record was not created or updated because a duplicate of the current record already exists."
        raise ApiError(412, errors.DUPLICATE_FOUND, text)
