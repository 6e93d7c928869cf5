"""Queries for other users' Outlook filters by FetchXML: the two conditions that `visibility` describes."""

from __future__ import annotations

from dataverse_sandbox.catalog import USER_QUERY
from dataverse_sandbox.catalog.filters import FILTER_TYPES
from dataverse_sandbox.fetchxml.query import Fetch, Test
from dataverse_sandbox.rights import ADMIN_FILTER, Rights


def may_query_others(fetch: Fetch, rights: Rights) -> bool:
    """Return whether a holder of prvAdminFilter queries one owner's filters, with exactly two conditions."""
    root = fetch.root
    if root.table != USER_QUERY.name or root.links or len(root.filters) != 1 or not rights.may(ADMIN_FILTER):
        return False
    parts = root.filters[0].parts
    if len(parts) != 2 or root.filters[0].any_of:
        return False
    tests = {part.name: part for part in parts if isinstance(part, Test) and part.operator == "eq" and not part.entity}
    if set(tests) != {"querytype", "ownerid"}:
        return False
    return tests["querytype"].values in {(str(kind),) for kind in FILTER_TYPES}
