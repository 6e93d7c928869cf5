"""`BulkDelete`: a system job that deletes the rows of queries ("BulkDelete action").

Simplified: the job has finished when the request is answered, and its queries have conditions only.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping

from dataverse_sandbox import errors, operations, rows, visibility
from dataverse_sandbox.catalog import ASYNC_OPERATION, BY_NAME, Table
from dataverse_sandbox.conditions import EVERYTHING, Condition, both, joined
from dataverse_sandbox.fetchxml import operators
from dataverse_sandbox.fetchxml.operators import Requester
from dataverse_sandbox.fetchxml.query import Test
from dataverse_sandbox.messages import Answer, Request, json_answer
from dataverse_sandbox.payload import Address
from dataverse_sandbox.rights import Rights
from dataverse_sandbox.store import Transaction

_SUCCEEDED = {"statecode": 3, "statuscode": 30}
_OPERATORS = {
    "Equal": "eq",
    "NotEqual": "ne",
    "GreaterThan": "gt",
    "GreaterEqual": "ge",
    "LessThan": "lt",
    "LessEqual": "le",
    "In": "in",
    "NotIn": "not-in",
    "Null": "null",
    "NotNull": "not-null",
    "Like": "like",
    "BeginsWith": "begins-with",
}

Body = Mapping[str, object]


def answer(transaction: Transaction, request: Request) -> Answer:
    body = request.json()
    transaction.author.rights.require("prvBulkDelete")
    queries = body.get("QuerySet")
    if not isinstance(queries, list) or not queries or not all(isinstance(query, dict) for query in queries):
        raise errors.bad_payload("'QuerySet' is a list of queries.")
    for query in queries:
        _delete(transaction, query)
    context = f"{request.base_url}$metadata#Microsoft.Dynamics.CRM.BulkDeleteResponse"
    return json_answer(200, {"@odata.context": context, "JobId": _job(transaction, str(body.get("JobName") or ""))})


def _delete(transaction: Transaction, query: Body) -> None:
    table = BY_NAME.get(str(query.get("EntityName") or "").lower())
    if table is None:
        raise errors.bad_payload("'EntityName' is not the name of a table.")
    if query.get("LinkEntities"):
        raise errors.unknown("links in a QueryExpression")
    rights = transaction.author.rights
    where = both(_criteria(table, query.get("Criteria") or {}, rights), visibility.condition(table, table.name, rights))
    statement = f"SELECT {table.key.name} FROM {table.name} WHERE {where.sql}"  # noqa: S608 - catalog
    for (row_id,) in transaction.connection.execute(statement, where.parameters).fetchall():
        address = Address(table, str(row_id))
        if address.find(transaction.connection) is not None:
            operations.delete(transaction, address)


def _criteria(table: Table, criteria: object, rights: Rights, depth: int = 0) -> Condition:
    if not isinstance(criteria, Mapping) or depth > 10:
        raise errors.bad_payload("'Criteria' is a filter expression.")
    conditions, inner = criteria.get("Conditions") or [], criteria.get("Filters") or []
    if not isinstance(conditions, list) or not isinstance(inner, list):
        raise errors.bad_payload("'Conditions' and 'Filters' are lists.")
    parts = [_condition(table, condition, rights) for condition in conditions]
    parts += [_criteria(table, part, rights, depth + 1) for part in inner]
    return joined("OR" if criteria.get("FilterOperator") == "Or" else "AND", parts) if parts else EVERYTHING


def _condition(table: Table, condition: object, rights: Rights) -> Condition:
    if not isinstance(condition, Mapping):
        raise errors.bad_payload("A condition is an object.")
    column = table.by_name.get(str(condition.get("AttributeName") or ""))
    if column is None:
        raise errors.bad_payload(f"'{str(condition.get('AttributeName'))[:60]}' is not a column of '{table.name}'.")
    operator = _OPERATORS.get(str(condition.get("Operator")))
    if operator is None:
        raise errors.unknown(f"the condition operator '{str(condition.get('Operator'))[:40]}'")
    given = condition.get("Values") or []
    if not isinstance(given, list):
        raise errors.bad_payload("'Values' is a list.")
    values = tuple(str(item.get("Value") if isinstance(item, Mapping) else item) for item in given)
    requester = Requester(rights.user, datetime.datetime.now(datetime.UTC))
    return operators.condition(column, f"{table.name}.{column.name}", Test(column.name, operator, values), requester)


def _job(transaction: Transaction, name: str) -> str:
    job = {
        "asyncoperationid": str(uuid.uuid4()),
        "name": name[:256] or "Bulk delete",
        "operationtype": 13,
        "messagename": "BulkDelete",
        "startedon": rows.now(),
        "completedon": rows.now(),
    }
    rows.create(transaction, ASYNC_OPERATION, {**job, **_SUCCEEDED})
    return str(job["asyncoperationid"])
