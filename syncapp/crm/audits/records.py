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

KEPT_FOREVER = -1  # a value of `auditretentionperiodv2`


class Operation(IntEnum):
    """The kind of change to a row (`operation`)."""

    CREATE = 1
    UPDATE = 2
    DELETE = 3
    ACCESS = 4


class Action(IntEnum):
    """The message that caused a change (`action`); the CRM has others."""

    CREATE = 1
    UPDATE = 2
    DELETE = 3
    MERGE = 12
    ASSIGN = 13
    SET_STATE = 41


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change to one row. `created_on` is when the row was changed, not when the entry was written.

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

    A column found only in `old` was cleared, and one found only in `new` was empty before. Columns in `invalid` are
    excepted: the CRM does not know their new value. `kind` is the detail's type; only AttributeAuditDetail has values.
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
    """The organization's auditing: whether it is on, and for how many days entries are kept (None if unknown)."""

    is_on: bool
    days_kept: int | None
