"""The function that returns the directions in force for a user or a team, read-only.

"RetrievePrincipalSyncAttributeMappings function". Directions are the same for all users, as on the settings page,
and nothing in the sandbox follows them yet.
"""

from __future__ import annotations

import sqlite3

from dataverse_sandbox import config
from dataverse_sandbox.catalog import BY_NAME, CONTACT, MAPPING
from dataverse_sandbox.messages import Request
from dataverse_sandbox.store import Row

# One mapping for all lines of an address ("What fields can be synchronized with Outlook").
ADDRESS_LINES = (*("line1", "line2", "line3", "city", "stateorprovince", "postalcode", "country"),)
# Columns of contacts that are synchronized, and the two whose direction cannot be set.
COLUMNS = (
    *("anniversary", "assistantname", "assistantphone", "birthdate", "fax", "telephone1", "business2", "callback"),
    *("childrensnames", "company", "department", "emailaddress1", "emailaddress2", "emailaddress3", "governmentid"),
    *("telephone2", "home2", "jobtitle", "managername", "mobilephone", "nickname", "description", "telephone3"),
    *("pager", "spousesname", "websiteurl"),
)
ADDRESSES = ("address1", "address2", "address3")
FIXED = ("fullname", "parentcustomerid")
_NAMESPACE = "Microsoft.Dynamics.CRM."


def mapping_id(name: str) -> str:
    return config.fixed_id("syncattributemapping", CONTACT.name, name)


def in_force(connection: sqlite3.Connection, _principal: Row, request: Request, _rest: str) -> dict[str, object]:
    """Return the mappings of a user or team; no privilege is required, because the page names none."""
    found = connection.execute(f"SELECT * FROM {MAPPING.name} ORDER BY mappingname")  # noqa: S608 - a constant
    return {
        "@odata.context": f"{request.base_url}$metadata#{_NAMESPACE}RetrievePrincipalSyncAttributeMappingsResponse",
        "AttributeMappings": [_mapping(dict(row)) for row in found],
    }


def _mapping(row: Row) -> dict[str, object]:
    name = str(row["attributecrmname"])
    is_address = name in ADDRESSES
    return {
        "AttributeMappingId": row["syncattributemappingid"],
        "MappingName": row["mappingname"],
        "AttributeCrmName": name,
        "AttributeExchangeName": row["attributeexchangename"],
        "AttributeCrmDisplayName": row["mappingname"],
        "AttributeExchangeDisplayName": None,
        "EntityTypeCode": BY_NAME[str(row["entitytypecode"])].object_type_code,
        "SyncDirection": row["syncdirection"],
        "DefaultSyncDirection": row["defaultsyncdirection"],
        "AllowedSyncDirection": row["allowedsyncdirection"],
        "IsComputed": bool(row["iscomputed"]),
        "ComputedProperties": [f"{name}_{line}" for line in ADDRESS_LINES] if is_address else [],
    }
