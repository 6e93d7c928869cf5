"""Expected outcomes of a run, computed from the CRM's own tables alone."""

from __future__ import annotations

from typing import Any

from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES
from tests.sync_filters.scenery import Scenery


def expected_outcomes(read: Scenery) -> dict[str, str]:
    """Return each user's outcome if all appointments go off and no user is held back."""
    roles = "$expand=systemuserroles_association($select=roleid)"
    rows = read.rows("systemusers", f"?$select=isdisabled&$filter=applicationid eq null&{roles}")
    return {row["systemuserid"]: _expected(read, row) for row in rows}


def _expected(read: Scenery, user: dict[str, Any]) -> str:
    if user["isdisabled"]:
        return "disabled"
    if not user["systemuserroles_association"]:
        return "no_role"
    query = f"?$filter=querytype eq 256 and _ownerid_value eq {user['systemuserid']}"
    rows = read.rows("userqueries", query)
    states = [row["statecode"] for row in rows if row["returnedtypecode"] in APPOINTMENT_TABLES]
    if not states:
        return "no_filter"
    return "done" if 0 in states else "already"
