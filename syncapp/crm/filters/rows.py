"""Conversion of JSON rows into the records of `records`, and the columns to select for them.

A row with a readable id always becomes a record; its `problem` says which value could not be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from uuid import UUID

from syncapp.crm import odata
from syncapp.crm.filters.records import OutlookFilter, SystemFilter
from syncapp.crm.values.cells import Cells, bad_value, guid, integer, text

_ON, _OFF = 0, 1
_NO_OWNER = UUID(int=0)
# Rows name tables; these are the codes that an older CRM may send instead ("Entity type codes").
_TABLES: Mapping[int, str] = MappingProxyType(
    {
        2: "contact",
        4201: "appointment",
        4202: "email",
        4204: "fax",
        4207: "letter",
        4210: "phonecall",
        4212: "task",
        4214: "serviceappointment",
        4251: "recurringappointmentmaster",
    }
)

FILTER_COLUMNS = (
    "userqueryid",
    "name",
    "returnedtypecode",
    "querytype",
    "fetchxml",
    "statecode",
    "statuscode",
    "versionnumber",
    "modifiedon",
    "_ownerid_value",
    "_parentqueryid_value",
    "_modifiedby_value",
    "_modifiedonbehalfby_value",
)
SYSTEM_FILTER_COLUMNS = (
    "savedqueryid",
    "name",
    "returnedtypecode",
    "querytype",
    "fetchxml",
    "isdefault",
    "statecode",
)


def outlook_filter(row: odata.Row) -> OutlookFilter:
    """Return one userquery. Raises ProtocolError when its id cannot be read."""
    cells = Cells(row)
    found = OutlookFilter(
        id=cells.id("userqueryid"),
        owner_id=cells.read(guid, "_ownerid_value", _NO_OWNER),
        owner_table=cells.text("_ownerid_value" + odata.LOOKUP_TABLE) or "systemuser",
        name=cells.text("name"),
        table=cells.read(_table, "returnedtypecode", ""),
        query_type=cells.integer("querytype"),
        fetch_xml=cells.text("fetchxml"),
        state=cells.read(_on_or_off, "statecode", _ON),
        status=cells.integer("statuscode"),
        parent_id=cells.guid("_parentqueryid_value"),
        modified_by=cells.guid("_modifiedby_value"),
        modified_for_by=cells.guid("_modifiedonbehalfby_value"),
        modified_on=cells.moment("modifiedon"),
        version=cells.integer("versionnumber"),
        etag=cells.etag(),
    )
    return replace(found, problem=cells.problem)


def system_filter(row: odata.Row) -> SystemFilter:
    """Return one savedquery that is a filter or a template. Raises ProtocolError when its id cannot be read."""
    cells = Cells(row)
    found = SystemFilter(
        id=cells.id("savedqueryid"),
        name=cells.text("name"),
        table=cells.read(_table, "returnedtypecode", ""),
        query_type=cells.integer("querytype"),
        fetch_xml=cells.text("fetchxml"),
        is_default=cells.flag("isdefault"),
        state=cells.integer("statecode"),
    )
    return replace(found, problem=cells.problem)


def _on_or_off(row: odata.Row, name: str) -> int:
    state = integer(row, name)
    if state not in (_ON, _OFF):
        raise bad_value(name, state)
    return state


def _table(row: odata.Row, name: str) -> str:
    value = row.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return _TABLES.get(value, str(value))
    return text(row, name)
