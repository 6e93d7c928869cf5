"""The tables and columns of the sandbox: the description that storage, checks, metadata and pages follow.

Knows nothing of HTTP or SQL. A table or column that is not listed here, and was not made by a request, does not exist
for any client.
"""

from __future__ import annotations

from dataverse_sandbox.catalog import registry
from dataverse_sandbox.catalog.activities import (
    ACTIVITY_PARTY,
    APPOINTMENT,
    PHONE_CALL,
    RECURRING,
    SERVICE_APPOINTMENT,
    TASK,
)
from dataverse_sandbox.catalog.audit import AUDIT
from dataverse_sandbox.catalog.columns import AlternateKey, Column, GlobalChoice, Kind, Link, Option, Table
from dataverse_sandbox.catalog.components import (
    ASYNC_OPERATION,
    PUBLISHER,
    SDK_MESSAGE,
    SDK_MESSAGE_FILTER,
    SERVICE_ENDPOINT,
    SOLUTION,
    SOLUTION_COMPONENT,
    STEP,
    STEP_IMAGE,
    WEB_RESOURCE,
)
from dataverse_sandbox.catalog.contact import CONTACT
from dataverse_sandbox.catalog.filters import SAVED_QUERY, USER_QUERY
from dataverse_sandbox.catalog.mappings import MAPPING, MAPPING_PROFILE
from dataverse_sandbox.catalog.people import (
    ACCOUNT,
    BUSINESS_UNIT,
    CURRENCY,
    EMAIL_SERVER_PROFILE,
    MAILBOX,
    ORGANIZATION,
    PRIVILEGE,
    ROLE,
    ROLE_PRIVILEGES,
    SYSTEM_USER,
    TEAM,
    TEAM_MEMBERSHIP,
    TEAM_ROLES,
    USER_ROLES,
)
from dataverse_sandbox.catalog.registry import BY_NAME, BY_SET, TABLES, Catalog, ManyToMany, OneToMany, current
from dataverse_sandbox.catalog.staging import SYNC_FIELD, SYNC_RECORD

BUILT_IN = Catalog(
    (
        *(BUSINESS_UNIT, CURRENCY, ORGANIZATION, SYSTEM_USER, TEAM, ROLE, PRIVILEGE),
        *(TEAM_MEMBERSHIP, USER_ROLES, TEAM_ROLES, ROLE_PRIVILEGES, EMAIL_SERVER_PROFILE, MAILBOX),
        *(ACCOUNT, CONTACT, SYNC_RECORD, SYNC_FIELD, USER_QUERY, SAVED_QUERY),
        *(RECURRING, APPOINTMENT, SERVICE_APPOINTMENT, TASK, PHONE_CALL, ACTIVITY_PARTY),
        *(SDK_MESSAGE, SDK_MESSAGE_FILTER, SERVICE_ENDPOINT, STEP, STEP_IMAGE, ASYNC_OPERATION),
        *(WEB_RESOURCE, PUBLISHER, SOLUTION, SOLUTION_COMPONENT, AUDIT),
        *(MAPPING_PROFILE, MAPPING),
    )
)
registry.start_with(BUILT_IN)

__all__ = [
    "ACCOUNT",
    "ACTIVITY_PARTY",
    "APPOINTMENT",
    "ASYNC_OPERATION",
    "AUDIT",
    "BUILT_IN",
    "BUSINESS_UNIT",
    "BY_NAME",
    "BY_SET",
    "CONTACT",
    "CURRENCY",
    "EMAIL_SERVER_PROFILE",
    "MAILBOX",
    "MAPPING",
    "MAPPING_PROFILE",
    "ORGANIZATION",
    "PHONE_CALL",
    "PRIVILEGE",
    "PUBLISHER",
    "RECURRING",
    "ROLE",
    "ROLE_PRIVILEGES",
    "SAVED_QUERY",
    "SDK_MESSAGE",
    "SDK_MESSAGE_FILTER",
    "SERVICE_APPOINTMENT",
    "SERVICE_ENDPOINT",
    "SOLUTION",
    "SOLUTION_COMPONENT",
    "STEP",
    "STEP_IMAGE",
    "SYNC_FIELD",
    "SYNC_RECORD",
    "SYSTEM_USER",
    "TABLES",
    "TASK",
    "TEAM",
    "TEAM_MEMBERSHIP",
    "TEAM_ROLES",
    "USER_QUERY",
    "USER_ROLES",
    "WEB_RESOURCE",
    "AlternateKey",
    "Catalog",
    "Column",
    "GlobalChoice",
    "Kind",
    "Link",
    "ManyToMany",
    "OneToMany",
    "Option",
    "Table",
    "current",
]
