"""Actions and functions of the whole organization."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Callable
from urllib.parse import urlsplit

from dataverse_sandbox import (
    bulk_delete,
    config,
    customization,
    errors,
    filter_actions,
    merging,
    odata,
    option_values,
    role_privileges,
    sharing,
    visibility,
)
from dataverse_sandbox.catalog import BY_NAME, Table
from dataverse_sandbox.fetchxml import parsing
from dataverse_sandbox.messages import Answer, Request, json_answer
from dataverse_sandbox.metadata import changes
from dataverse_sandbox.metadata.names import metadata_id
from dataverse_sandbox.rights import CUSTOMIZE
from dataverse_sandbox.store import Transaction

NAMESPACE = "Microsoft.Dynamics.CRM."
VERSION = "9.2.24000.100"
_DONE = Answer(204, b"", {"OData-Version": "4.0"})
_ENGLISH = 1_033
_ACCESS_TYPES = ("Default", "Internet", "Intranet")

Body = dict[str, object]
Function = Callable[[sqlite3.Connection, Request, str], Body]
Action = Callable[[Transaction, Request], Answer]


def _response(request: Request, name: str, **values: object) -> Body:
    return {"@odata.context": f"{request.base_url}$metadata#{NAMESPACE}{name}", **values}


def arguments(request: Request, text: str) -> dict[str, object]:
    """Convert `EntityNames=['a'],Count=@p1` to plain values; `@p1` comes from the query. Raises ApiError 400."""
    node = odata.parse(f"arguments({text})")
    if not isinstance(node, odata.Call) or node.arguments:
        raise errors.bad_query("The function's parameters are named.")
    return {name: _plain(request, value) for name, value in node.named.items()}


def _plain(request: Request, node: odata.Node) -> object:
    if isinstance(node, odata.Path) and node.text.startswith("@"):
        text = request.options.get(node.text)
        if text is None:
            raise errors.bad_query(f"The parameter '{node.text[:50]}' is not given.")
        return _from_option(request, text)
    if isinstance(node, odata.Items):
        return [_plain(request, item) for item in node.values]
    if isinstance(node, odata.Literal):
        return node.value
    if isinstance(node, odata.Path):
        return node.text
    raise errors.bad_query("A parameter is a value.")


def _from_option(request: Request, text: str) -> object:
    if text[:1] in "[{":
        try:
            return json.loads(text.replace("'", '"') if text.startswith("['") else text)
        except (ValueError, RecursionError):
            raise errors.bad_query("The parameter is not JSON.") from None
    node = odata.parse(text)
    return _plain(request, node) if isinstance(node, odata.Literal) else text


def _who_am_i(connection: sqlite3.Connection, request: Request, _text: str) -> Body:
    statement = "SELECT businessunitid FROM systemuser WHERE systemuserid = ?"
    unit = connection.execute(statement, (request.caller,)).fetchone()
    return _response(
        request,
        "WhoAmIResponse",
        BusinessUnitId=unit[0] if unit else config.BUSINESS_UNIT_ID,
        UserId=request.caller,
        OrganizationId=_organization(connection),
    )


def _shared_principals(connection: sqlite3.Connection, request: Request, text: str) -> Body:
    found = sharing.principals(connection, request, arguments(request, text))
    return _response(request, "RetrieveSharedPrincipalsAndAccessResponse", PrincipalAccesses=found)


def _role_privileges(connection: sqlite3.Connection, request: Request, text: str) -> Body:
    found = role_privileges.held(connection, str(arguments(request, text).get("RoleId")))
    return _response(request, "RetrieveRolePrivilegesRoleResponse", RolePrivileges=found)


def _organization(connection: sqlite3.Connection) -> str:
    return str(connection.execute("SELECT organizationid FROM organization").fetchone()[0])


def _version(_connection: sqlite3.Connection, request: Request, _text: str) -> Body:
    return _response(request, "RetrieveVersionResponse", Version=VERSION)


def _languages(name: str, property_name: str) -> Function:
    def function(_connection: sqlite3.Connection, request: Request, _text: str) -> Body:
        return _response(request, name, **{property_name: [_ENGLISH]})

    return function


def _total_record_count(connection: sqlite3.Connection, request: Request, text: str) -> Body:
    """Return exact counts; Dataverse's are up to a day old ("RetrieveTotalRecordCount function")."""
    names = arguments(request, text).get("EntityNames")
    if not isinstance(names, list) or not names:
        raise errors.bad_query("The function needs EntityNames=['...'].")
    tables = [_known(str(name)) for name in names]
    for table in tables:
        request.rights.require(visibility.privilege("Read", table), table.name)
    counts = [connection.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0] for table in tables]  # noqa: S608 - catalog
    collection = {
        "Count": len(tables),
        "IsReadOnly": False,
        "Keys": [table.name for table in tables],
        "Values": counts,
    }
    return _response(request, "RetrieveTotalRecordCountResponse", EntityRecordCountCollection=collection)


def _known(name: str) -> Table:
    if name not in BY_NAME:
        raise errors.bad_query(f"Could not find an entity with specified entity name: {name[:100]}")
    return BY_NAME[name]


def _metadata_changes(_connection: sqlite3.Connection, request: Request, text: str) -> Body:
    given = arguments(request, text)
    found = changes.changes(given.get("Query"), given.get("ClientVersionStamp"))
    return _response(request, "RetrieveMetadataChangesResponse", **found)


def _current_organization(connection: sqlite3.Connection, request: Request, text: str) -> Body:
    """Return the organization, with addresses on the requested host."""
    access_type = str(arguments(request, text).get("AccessType")).rpartition(".")[2]
    if access_type not in _ACCESS_TYPES:
        raise errors.bad_query(f"'{access_type[:40]}' is not one of {', '.join(_ACCESS_TYPES)}.")
    root = request.base_url.partition("/api/")[0]
    name = connection.execute("SELECT name FROM organization").fetchone()[0]
    addresses = {
        "WebApplication": f"{root}/",
        "OrganizationService": f"{root}/XRMServices/2011/Organization.svc",
        "OrganizationDataService": f"{root}/XRMServices/2011/OrganizationData.svc",
    }
    detail = {
        "OrganizationId": _organization(connection),
        "FriendlyName": name,
        "OrganizationVersion": VERSION,
        "EnvironmentId": str(uuid.uuid5(uuid.UUID(_organization(connection)), "environment")),
        "TenantId": config.TENANT,
        "OrganizationType": "Customer",
        "UrlName": urlsplit(root).hostname,
        "UniqueName": "sandbox",
        "State": "Enabled",
        "Endpoints": {"Count": 3, "IsReadOnly": False, "Keys": [*addresses], "Values": [*addresses.values()]},
    }
    return _response(request, "RetrieveCurrentOrganizationResponse", Detail=detail)


def _create_entities(transaction: Transaction, request: Request) -> Answer:
    """Create several tables ("CreateEntities action"), as the SDK for Python does."""
    transaction.author.rights.require(CUSTOMIZE)
    given = request.json().get("Entities")
    if not isinstance(given, list) or not given or not all(isinstance(item, dict) for item in given):
        raise errors.bad_payload("'Entities' is a list of table definitions.")
    made = [customization.create_table(transaction, item) for item in given]
    ids = [metadata_id(table.name) for table in made]
    return json_answer(200, _response(request, "CreateEntitiesResponse", EntityIds=ids))


def _publish(transaction: Transaction, request: Request) -> Answer:
    """Do nothing: definitions and web resources take effect when they are stored."""
    transaction.author.rights.require(CUSTOMIZE)
    if request.path == "PublishXml":
        text = request.json().get("ParameterXml")
        if not isinstance(text, str) or parsing.root_of(text).tag != "importexportxml":
            raise errors.bad_payload("'ParameterXml' is an importexportxml document.")
    return _DONE


FUNCTIONS: dict[str, Function] = {
    "WhoAmI": _who_am_i,
    "RetrieveVersion": _version,
    "RetrieveAvailableLanguages": _languages("RetrieveAvailableLanguagesResponse", "LocaleIds"),
    "RetrieveProvisionedLanguages": _languages("RetrieveProvisionedLanguagesResponse", "RetrieveProvisionedLanguages"),
    "RetrieveSharedPrincipalsAndAccess": _shared_principals,
    "RetrieveRolePrivilegesRole": _role_privileges,
    "RetrieveTotalRecordCount": _total_record_count,
    "RetrieveMetadataChanges": _metadata_changes,
    "RetrieveCurrentOrganization": _current_organization,
}
ACTIONS: dict[str, Action] = {
    "BulkDelete": bulk_delete.answer,
    "CreateEntities": _create_entities,
    "Merge": merging.merge,
    "PublishXml": _publish,
    "PublishAllXml": _publish,
    "ResetUserFilters": filter_actions.reset,
    **option_values.ACTIONS,
    **sharing.ACTIONS,
}
