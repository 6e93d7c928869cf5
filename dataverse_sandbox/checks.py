"""Rules of single tables, beyond types and keys."""

from __future__ import annotations

from collections.abc import Mapping

from dataverse_sandbox import errors, rows
from dataverse_sandbox.catalog import SAVED_QUERY, STEP, Table
from dataverse_sandbox.catalog.filters import FILTER_TYPES, TEMPLATE_OF
from dataverse_sandbox.errors import ApiError
from dataverse_sandbox.store import Row, Transaction

ASYNCHRONOUS, POST_OPERATION = 1, 40


def before_write(table: Table, row: Mapping[str, object] | None, changes: Mapping[str, object]) -> None:
    """Raise ApiError 400 when the row would become invalid in the CRM."""
    if row is None:
        _nothing_missing(table, changes)
    if table.name == STEP.name:
        _step({**(row or {}), **changes})
    if table.name == SAVED_QUERY.name:
        _view({**(row or {}), **changes})


def after_write(transaction: Transaction, table: Table, row: Row) -> None:
    """Keep one default template per table and kind; assume, without a source, that a new one replaces the old."""
    if table.name != SAVED_QUERY.name or not row["isdefault"] or row["querytype"] not in TEMPLATE_OF.values():
        return
    statement = """SELECT * FROM savedquery WHERE isdefault = 1 AND querytype = :querytype
        AND returnedtypecode = :returnedtypecode AND savedqueryid <> :savedqueryid"""
    for other in transaction.connection.execute(statement, row).fetchall():
        rows.update(transaction, SAVED_QUERY, dict(other), {"isdefault": 0})


def _nothing_missing(table: Table, values: Mapping[str, object]) -> None:
    """Require the columns that the table reference calls SystemRequired and that have no default."""
    for column in table.columns:
        is_needed = column.required == "SystemRequired" and column.default is None and column is not table.key
        if is_needed and column.creatable and values.get(column.name) is None:
            raise errors.bad_payload(f"The property '{column.name}' of {table.name} is required.")


def _step(row: Mapping[str, object]) -> None:
    """Refuse asynchronous steps before the operation ("Register a plug-in")."""
    if row.get("mode") == ASYNCHRONOUS and row.get("stage") != POST_OPERATION:
        raise errors.bad_payload("An asynchronous step belongs to the stage after the operation.")


def _view(row: Mapping[str, object]) -> None:
    """Require that a default template is active and no filter ("Offline and Outlook filters and templates")."""
    if not row.get("isdefault"):
        return
    if row.get("statecode"):
        raise ApiError(400, errors.INACTIVE_DEFAULT_VIEW, "An inactive view cannot be the default view.")
    if row.get("querytype") in FILTER_TYPES:
        raise errors.bad_payload("A filter cannot be the default view.")
