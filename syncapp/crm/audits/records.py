"""Records of the audit log.

Sources: "Retrieve the history of audited data changes", "Audit table reference".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any
from uuid import UUID

KEPT_FOREVER = -1  # of `auditretentionperiodv2`


class Operation(IntEnum):
    """The kind of change to a row (`operation`)."""

    CREATE = 1
    UPDATE = 2
    DELETE = 3
    ACCESS = 4


class Action(IntEnum):
    """The message that made a change (`action`); others exist."""

    CREATE = 1
    UPDATE = 2
    DELETE = 3
    MERGE = 12
    ASSIGN = 13
    SET_STATE = 41


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change of one row. `created_on` is the moment of the change, not of the entry.

    `calling_user_id` is the calling user if impersonation was used, otherwise None. `change_data` names the changed
    columns; '' if it was not selected.
    """

    id: UUID
    created_on: datetime | None
    operation: int
    action: int
    row_id: UUID | None
    user_id: UUID | None
    calling_user_id: UUID | None
    transaction_id: UUID | None
    change_data: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class AuditDetails:
    """The values of a change as two rows of the Web API, with their annotations.

    A column that is only in `old` was cleared, one only in `new` was empty before, except those that the CRM lists as
    `invalid`: it does not know their new value. `kind` is the detail's type; only AttributeAuditDetail has values.
    """

    kind: str
    old: Mapping[str, Any]
    new: Mapping[str, Any]
    invalid: frozenset[str] = frozenset()

    @property
    def columns(self) -> frozenset[str]:
        """Return the names of the changed columns, lookups as `_name_value`."""
        return frozenset(name for row in (self.old, self.new) for name in row if "@" not in name)


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """The auditing of the organization: on or off, and the days that entries are kept; None if not known."""

    is_on: bool
    days_kept: int | None
