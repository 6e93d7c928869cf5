"""Reads of field directions, and the write that shows whether they could be changed."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from syncapp.crm import odata
from syncapp.crm.batch import Read, Write, WriteAnyVersion
from syncapp.crm.change_sets import Step, execute_steps
from syncapp.crm.deadline import Deadline
from syncapp.crm.directions.records import FieldDirection, RewrittenDirection, StoredDirection
from syncapp.crm.errors import ProtocolError, WritesDisabled
from syncapp.crm.transport import Transport
from syncapp.crm.values.cells import etag, flag, guid, integer, read_all, text

_SET = "syncattributemappings"
_FUNCTION = "Microsoft.Dynamics.CRM.RetrievePrincipalSyncAttributeMappings"
_COLUMNS = ("syncattributemappingid", "syncdirection")


class Directions:
    """Operations on field directions; the only write leaves the direction unchanged."""

    def __init__(
        self,
        transport: Transport,
        *,
        writes_allowed: Callable[[], bool],
        verify_organization: Callable[[Deadline | None], None],
    ) -> None:
        """Create the operations; `verify_organization` raises WritesDisabled if the CRM at the address is not ours."""
        self._transport = transport
        self._writes_allowed = writes_allowed
        self._verify_organization = verify_organization

    def of(self, user_id: UUID, *, deadline: Deadline | None = None) -> tuple[FieldDirection, ...]:
        """Return the directions in force for a user; those that cannot be read are left out."""
        path = f"{odata.row_path('systemusers', user_id)}/{_FUNCTION}()"
        found = self._transport.get(path, deadline=deadline).get("AttributeMappings")
        return read_all(odata.collection({"value": found}), _direction)[0]

    def stored(self, mapping_id: UUID, *, deadline: Deadline | None = None) -> StoredDirection:
        """Return the organization's direction for a pair of fields. Raises NotFound."""
        return _stored(self._transport.get(_path(mapping_id), deadline=deadline))

    def rewrite(
        self, stored: StoredDirection, *, keeps_versions: bool = True, deadline: Deadline | None = None
    ) -> RewrittenDirection:
        """Write a direction unchanged, and read it back.

        Raises WritesDisabled before anything is sent, CrmError when the request failed as a whole.
        """
        if not self._writes_allowed():
            raise WritesDisabled("Switching filters is not enabled for this connection.", code="read_only")
        self._verify_organization(deadline)
        body, tag = {"syncdirection": stored.direction}, "osync-probe"
        write = (
            Write(_SET, stored.id, stored.etag, body, tag)
            if keeps_versions
            else WriteAnyVersion(_SET, stored.id, body, tag)
        )
        step = Step((write,), Read(_path(stored.id), {}))
        (response,) = execute_steps(self._transport, [step], headers=None, deadline=deadline)
        if response.proof is None or response.proof.failed:
            return RewrittenDirection(response.error, None)
        try:
            return RewrittenDirection(response.error, _stored(response.proof.json()).direction)
        except ProtocolError:
            return RewrittenDirection(response.error, None)


def _path(mapping_id: UUID) -> str:
    return odata.query(odata.row_path(_SET, mapping_id), select=_COLUMNS)


def _stored(row: odata.Row) -> StoredDirection:
    return StoredDirection(guid(row, "syncattributemappingid"), integer(row, "syncdirection"), etag(row))


def _direction(row: odata.Row) -> FieldDirection:
    parts = row.get("ComputedProperties")
    return FieldDirection(
        id=guid(row, "AttributeMappingId"),
        table_code=integer(row, "EntityTypeCode"),
        column=text(row, "AttributeCrmName"),
        label=text(row, "AttributeCrmDisplayName") or text(row, "MappingName"),
        direction=integer(row, "SyncDirection"),
        default=None if row.get("DefaultSyncDirection") is None else integer(row, "DefaultSyncDirection"),
        allowed=None if row.get("AllowedSyncDirection") is None else integer(row, "AllowedSyncDirection"),
        is_computed=flag(row, "IsComputed"),
        columns=tuple(str(part) for part in parts) if isinstance(parts, list) else (),
    )
