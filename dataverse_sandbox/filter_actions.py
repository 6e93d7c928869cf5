"""`InstantiateFilters` and `ResetUserFilters`: filters for users from templates.

"InstantiateFilters action", "ResetUserFilters action", "Offline and Outlook filters and templates". Simplified because
Microsoft's pages contradict each other: templates are accepted, and so are filters of the matching type.
"""

from __future__ import annotations

from dataverse_sandbox import errors, payload, rows
from dataverse_sandbox.catalog import SAVED_QUERY, USER_QUERY
from dataverse_sandbox.catalog.filters import OFFLINE_FILTERS, OFFLINE_TEMPLATE, OUTLOOK_FILTERS, TEMPLATE_OF
from dataverse_sandbox.messages import Answer, Request
from dataverse_sandbox.payload import Address
from dataverse_sandbox.rights import ADMIN_FILTER
from dataverse_sandbox.store import Row, Transaction

_DONE = Answer(204, b"", {"OData-Version": "4.0"})
_COPIED = ("name", "description", "fetchxml", "layoutxml", "columnsetxml", "returnedtypecode")


def instantiate(transaction: Transaction, address: Address, request: Request) -> Answer:
    """Give the user each template's filter, overwriting one that came from the same template."""
    user = str(address.existing(transaction.connection)["systemuserid"])
    if user != transaction.author.caller:
        transaction.author.rights.require(ADMIN_FILTER, USER_QUERY.name)
    transaction.author.rights.require("prvCreateUserQuery", USER_QUERY.name)
    found = request.json().get("TemplateCollection")
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise errors.bad_payload("'TemplateCollection' is a list of savedquery rows.")
    for item in found:
        template = payload.address(SAVED_QUERY, str(item.get("savedqueryid")))
        _apply_template(transaction, user, template.existing(transaction.connection))
    return _DONE


def reset(transaction: Transaction, request: Request) -> Answer:
    """Replace the calling user's filters of one type by those of the default templates."""
    kind = request.json().get("QueryType")
    if kind not in TEMPLATE_OF or isinstance(kind, bool):
        raise errors.bad_payload("'QueryType' is 256 or 16.")
    transaction.author.rights.require("prvDeleteUserQuery", USER_QUERY.name)
    transaction.author.rights.require("prvCreateUserQuery", USER_QUERY.name)
    user, connection = transaction.author.caller, transaction.connection
    filters = "SELECT userqueryid FROM userquery WHERE ownerid = ? AND querytype = ?"
    for (filter_id,) in connection.execute(filters, (user, kind)).fetchall():
        rows.delete(transaction, USER_QUERY, filter_id)
    templates = "SELECT * FROM savedquery WHERE querytype = ? AND isdefault = 1 AND statecode = 0"
    for template in connection.execute(templates, (TEMPLATE_OF[int(str(kind))],)).fetchall():
        _apply_template(transaction, user, dict(template))
    return _DONE


def _apply_template(transaction: Transaction, user: str, template: Row) -> None:
    is_offline = template["querytype"] in (OFFLINE_TEMPLATE, OFFLINE_FILTERS)
    values: Row = {name: template[name] for name in _COPIED}
    values |= {
        "querytype": OFFLINE_FILTERS if is_offline else OUTLOOK_FILTERS,
        "parentqueryid": template["savedqueryid"],
        "statecode": 0,
        "statuscode": 1,
        **rows.reference(USER_QUERY.by_name["ownerid"], "systemuser", user),
    }
    statement = "SELECT * FROM userquery WHERE parentqueryid = ? AND ownerid = ?"
    old = transaction.connection.execute(statement, (template["savedqueryid"], user)).fetchone()
    if old is None:
        rows.create(transaction, USER_QUERY, values)
    else:
        rows.update(transaction, USER_QUERY, dict(old), values)
