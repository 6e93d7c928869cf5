"""Rules of single tables, beyond types and keys."""

from __future__ import annotations

from collections.abc import Mapping

from syncapp.sandbox import errors
from syncapp.sandbox.catalogue import SAVED_QUERY, STEP, Table
from syncapp.sandbox.catalogue.filters import FILTER_TYPES
from syncapp.sandbox.errors import ApiError

ASYNCHRONOUS, POST_OPERATION = 1, 40


def before_write(table: Table, row: Mapping[str, object] | None, changes: Mapping[str, object]) -> None:
    """ApiError 400 when the row would become what the CRM does not allow."""
    if row is None:
        _nothing_missing(table, changes)
    if table.name == STEP.name:
        _step({**(row or {}), **changes})
    if table.name == SAVED_QUERY.name:
        _view({**(row or {}), **changes})


def _nothing_missing(table: Table, values: Mapping[str, object]) -> None:
    """What the table reference calls SystemRequired, and what has no default."""
    for column in table.columns:
        is_needed = column.required == "SystemRequired" and column.default is None and column is not table.key
        if is_needed and column.creatable and values.get(column.name) is None:
            raise errors.bad_payload(f"The property '{column.name}' of {table.name} is required.")


def _step(row: Mapping[str, object]) -> None:
    """What runs later can only run after the operation ("Register a plug-in")."""
    if row.get("mode") == ASYNCHRONOUS and row.get("stage") != POST_OPERATION:
        raise errors.bad_payload("An asynchronous step belongs to the stage after the operation.")


def _view(row: Mapping[str, object]) -> None:
    """A default template is active, and a filter is never a default ("Offline and Outlook filters and templates")."""
    if not row.get("isdefault"):
        return
    if row.get("statecode"):
        raise ApiError(400, errors.INACTIVE_DEFAULT_VIEW, "An inactive view cannot be the default view.")
    if row.get("querytype") in FILTER_TYPES:
        raise errors.bad_payload("A filter cannot be the default view.")
