"""Saved views and synchronization filters: a person's own (`userquery`) and the system's (`savedquery`).

Columns and values follow the table reference pages "View (SavedQuery)" and "Saved View (UserQuery)".
"""

from __future__ import annotations

from dataverse_sandbox.catalog.columns import (
    Column,
    Kind,
    Option,
    Table,
    indexed,
    integer,
    lookup,
    memo,
    owning,
    owning_of,
    required,
    system_columns,
    text,
    yes_no,
)

OFFLINE_FILTERS, OUTLOOK_FILTERS, OFFLINE_TEMPLATE, OUTLOOK_TEMPLATE = 16, 256, 8_192, 131_072
FILTER_TYPES = (OFFLINE_FILTERS, OUTLOOK_FILTERS)
TEMPLATE_OF = {OUTLOOK_FILTERS: OUTLOOK_TEMPLATE, OFFLINE_FILTERS: OFFLINE_TEMPLATE}
_QUERY = (
    text("name", "Name", 200, required="SystemRequired"),
    memo("description", "Description", 2_000),
    required(integer("querytype", "Query Type", minimum=0, maximum=1_000_000_000)),
    required(indexed(text("returnedtypecode", "Returned Entity Type", 64))),
    memo("fetchxml", "Fetch XML"),
    memo("layoutxml", "Layout XML"),
    memo("layoutjson", "Layout JSON"),
    memo("columnsetxml", "Column Set XML"),
    text("advancedgroupby", "Advanced Group By", 20),
    memo("conditionalformatting", "Conditional Formatting"),
    memo("offlinesqlquery", "Offline SQL Query"),
)
_STATE = Column(
    "statecode",
    Kind.STATE,
    "Status",
    options=(Option(0, "Active"), Option(1, "Inactive")),
    default=0,
    required="SystemRequired",
)


def _status(*options: Option) -> Column:
    return Column("statuscode", Kind.STATUS, "Status Reason", options=options, default=1)


USER_QUERY = Table(
    name="userquery",
    set_name="userqueries",
    schema_name="UserQuery",
    privilege="UserQuery",
    label="Saved View",
    plural_label="Saved Views",
    object_type_code=4230,
    primary_name="name",
    columns=(
        *system_columns("userqueryid", "Saved View"),
        *(required(column) if column.name == "fetchxml" else column for column in _QUERY),
        lookup("parentqueryid", "Parent Query", "savedquery", savedquery="SavedQuery_UserQuery"),
        *owning(systemuser="user_userquery", team="team_userquery"),
        _STATE,
        _status(Option(1, "Active", 0), Option(3, "All", 0), Option(2, "Inactive", 1)),
    ),
    computed=owning_of,
    change_tracking=False,
)
SAVED_QUERY = Table(
    name="savedquery",
    set_name="savedqueries",
    schema_name="SavedQuery",
    privilege="Query",
    label="View",
    plural_label="Views",
    object_type_code=1039,
    primary_name="name",
    columns=(
        *system_columns("savedqueryid", "View"),
        *_QUERY,
        yes_no("isdefault", "Default View", "No", "Yes"),
        yes_no("isquickfindquery", "Is Quick Find Query", "No", "Yes"),
        yes_no("isuserdefined", "User Defined", "No", "Yes"),
        _STATE,
        _status(Option(1, "Active", 0), Option(2, "Inactive", 1)),
    ),
    change_tracking=False,
)
