"""Settings of a table: whether the CRM keeps versions, tracks changes, audits it and enforces its keys.

Sources: "EntityMetadata EntityType", "AttributeMetadata EntityType", "EntityKeyMetadata EntityType".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from syncapp.crm import odata
from syncapp.crm.deadline import Deadline
from syncapp.crm.errors import ProtocolError
from syncapp.crm.transport import Transport
from syncapp.crm.values.cells import bad_value, flag, integer, text

ACTIVE_INDEX = "Active"  # a value of EntityKeyIndexStatus: the key is enforced
_TABLE = (
    "LogicalName",
    "SchemaName",
    "EntitySetName",
    "PrimaryIdAttribute",
    "ObjectTypeCode",
    "IsOptimisticConcurrencyEnabled",
    "ChangeTrackingEnabled",
    "IsAuditEnabled",
)
_KEY = ("LogicalName", "KeyAttributes", "EntityKeyIndexStatus")
# Without this header a definition that has just changed may come from a cache ("Compose HTTP requests").
_FRESH = {"Consistency": "Strong"}


@dataclass(frozen=True, slots=True)
class AuditSetting:
    """The auditing of a table or column; `may_change` is False if a managed solution has fixed it."""

    is_on: bool
    may_change: bool


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """A table. `keeps_versions`: If-Match works with an ETag. `tracks_changes`: delta links work."""

    name: str
    schema_name: str
    set_name: str
    id_column: str
    object_type_code: int
    keeps_versions: bool
    tracks_changes: bool
    auditing: AuditSetting


@dataclass(frozen=True, slots=True)
class AlternateKey:
    """An alternate key; it is enforced once its index is built."""

    name: str
    columns: tuple[str, ...]
    index_status: str

    @property
    def is_enforced(self) -> bool:
        """Return whether two rows with the same values are refused."""
        return self.index_status == ACTIVE_INDEX


class Metadata:
    """Reads of definitions, always fresh."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def table(self, name: str, *, deadline: Deadline | None = None) -> TableDefinition:
        """Return a table's definition. Raises NotFound if the CRM has no such table."""
        row = self._transport.get(odata.query(_path(name), select=_TABLE), headers=_FRESH, deadline=deadline)
        return TableDefinition(
            name=text(row, "LogicalName"),
            schema_name=text(row, "SchemaName"),
            set_name=text(row, "EntitySetName"),
            id_column=text(row, "PrimaryIdAttribute"),
            object_type_code=integer(row, "ObjectTypeCode"),
            keeps_versions=flag(row, "IsOptimisticConcurrencyEnabled"),
            tracks_changes=flag(row, "ChangeTrackingEnabled"),
            auditing=_audit_setting(row),
        )

    def keys(self, table: str, *, deadline: Deadline | None = None) -> tuple[AlternateKey, ...]:
        """Return the alternate keys of a table."""
        path = odata.query(f"{_path(table)}/Keys", select=_KEY)
        found = odata.collection(self._transport.get(path, headers=_FRESH, deadline=deadline))
        return tuple(AlternateKey(text(row, _KEY[0]), _columns(row), text(row, _KEY[2])) for row in found)

    def auditing(self, table: str, *, deadline: Deadline | None = None) -> Mapping[str, AuditSetting]:
        """Return the audit setting of each column of a table."""
        path = odata.query(f"{_path(table)}/Attributes", select=("LogicalName", "IsAuditEnabled"))
        found = odata.collection(self._transport.get(path, headers=_FRESH, deadline=deadline))
        return {text(row, "LogicalName"): _audit_setting(row) for row in found}

    def secured(self, table: str, *, deadline: Deadline | None = None) -> frozenset[str]:
        """Return a table's columns that have column-level security; their values may be hidden from us.

        Source: "Column-level security to control access".
        """
        path = odata.query(f"{_path(table)}/Attributes", select=("LogicalName",), filter="IsSecured eq true")
        found = odata.collection(self._transport.get(path, headers=_FRESH, deadline=deadline))
        return frozenset(text(row, "LogicalName") for row in found)


def _path(table: str) -> str:
    return f"EntityDefinitions(LogicalName={odata.literal(odata.identifier(table))})"


def _audit_setting(row: odata.Row) -> AuditSetting:
    managed: Any = row.get("IsAuditEnabled")
    if not isinstance(managed, dict):
        raise bad_value("IsAuditEnabled", managed)
    return AuditSetting(flag(managed, "Value"), flag(managed, "CanBeChanged"))


def _columns(row: odata.Row) -> tuple[str, ...]:
    columns = row.get("KeyAttributes")
    if not isinstance(columns, list) or not all(isinstance(column, str) for column in columns):
        raise ProtocolError("The columns of a key are not a list of names.", code="metadata")
    return tuple(columns)
