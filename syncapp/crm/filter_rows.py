"""From JSON rows to the records of `filters_records`, strictly; and what has to be selected for them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from syncapp.crm import odata
from syncapp.crm.cells import etag, flag, guid, moment, optional_guid, text, whole
from syncapp.crm.filters_records import OutlookFilter, SystemFilter

# Tables travel by their names; should an older CRM send the codes, these are the ones of filters
# ("Entity type codes").
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
    """One userquery."""
    return OutlookFilter(
        id=guid(row, "userqueryid"),
        owner_id=guid(row, "_ownerid_value"),
        owner_table=text(row, "_ownerid_value" + odata.LOOKUP_TABLE) or "systemuser",
        name=text(row, "name"),
        table=_table(row),
        query_type=whole(row, "querytype"),
        fetch_xml=text(row, "fetchxml"),
        state=whole(row, "statecode"),
        status=whole(row, "statuscode"),
        parent_id=optional_guid(row, "_parentqueryid_value"),
        modified_by=optional_guid(row, "_modifiedby_value"),
        modified_for_by=optional_guid(row, "_modifiedonbehalfby_value"),
        modified_on=moment(row, "modifiedon"),
        version=whole(row, "versionnumber"),
        etag=etag(row),
    )


def system_filter(row: odata.Row) -> SystemFilter:
    """One savedquery that is a filter or a template."""
    return SystemFilter(
        id=guid(row, "savedqueryid"),
        name=text(row, "name"),
        table=_table(row),
        query_type=whole(row, "querytype"),
        fetch_xml=text(row, "fetchxml"),
        is_default=flag(row, "isdefault"),
        state=whole(row, "statecode"),
    )


def _table(row: odata.Row) -> str:
    value = row.get("returnedtypecode")
    if isinstance(value, int) and not isinstance(value, bool):
        return _TABLES.get(value, str(value))
    return text(row, "returnedtypecode")
