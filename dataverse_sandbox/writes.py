"""POST, PATCH, PUT and DELETE below a table: rows, single properties, and associations by `$ref`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import unquote

from dataverse_sandbox import associations, errors, operands, operations, payload, reads
from dataverse_sandbox.catalog import Column, Table, current
from dataverse_sandbox.messages import Answer, Request, json_answer
from dataverse_sandbox.operations import NO_CONDITIONS, Conditions, Written, etag
from dataverse_sandbox.payload import Address
from dataverse_sandbox.store import Transaction

NO_CONTENT = Answer(204, b"", {"OData-Version": "4.0"})
_REFERENCE = re.compile(r"^(\w+)(?:\((.*)\))?/\$ref$", re.DOTALL)


def below_set(transaction: Transaction, table: Table, request: Request, rest: str) -> Answer:
    if request.method in ("PATCH", "PUT", "DELETE"):
        raise errors.not_allowed(request.method, "a collection")
    if rest or request.method != "POST":
        raise errors.unknown(f"{request.method} on '{request.path[:100]}'")
    return written_answer(transaction, operations.create(transaction, table, request.row()), request)


def below_row(transaction: Transaction, address: Address, request: Request, rest: str) -> Answer:
    if rest.endswith("/$ref"):
        return _reference(transaction, address, request, rest)
    if rest:
        return _below(transaction, address, request, rest)
    if request.method == "PATCH":
        written = operations.update(transaction, address, request.row(), conditions=request.conditions)
        return written_answer(transaction, written, request)
    if request.method == "DELETE":
        operations.delete(transaction, address, conditions=request.conditions)
        return NO_CONTENT
    if request.method == "POST":
        raise errors.not_allowed(request.method, "a row")
    raise errors.unknown(f"{request.method} on '{request.path[:100]}'")


def _below(transaction: Transaction, address: Address, request: Request, rest: str) -> Answer:
    """Write a single property, or create a row below another: `POST accounts(id)/contact_customer_accounts`."""
    name, _, tail = rest.partition("/")
    found = current().collections(address.table).get(name)
    if found is not None and request.method == "POST" and not tail:
        row = address.existing(transaction.connection)
        made = associations.create_below(transaction, found, str(row[address.table.key.name]), request.row())
        return written_answer(transaction, made, request)
    if found is not None and request.method == "PUT" and not tail:
        # "Associate tables on update using collection-valued navigation property": for activity parties only.
        body = {name: request.json().get("value")}
        # A list of parties cannot create a row.
        existing = request.conditions if request.conditions.if_match else Conditions(if_match="*")
        operations.update(transaction, address, body, conditions=existing)
        return NO_CONTENT
    if tail or request.method not in ("PUT", "DELETE"):
        raise errors.unknown(f"{request.method} on '{request.path[:100]}'")
    column = operands.column_of(address.table, name)
    address.existing(transaction.connection)
    value = _value(request) if request.method == "PUT" else None
    operations.update(transaction, address, {column.name: value}, conditions=request.conditions)
    return NO_CONTENT


def _value(request: Request) -> object:
    """Return the new value of a single property, `{"value": ...}`."""
    body = request.json()
    if "value" not in body:
        raise errors.bad_payload('The body is {"value": ...}.')
    return body["value"]


def _reference(transaction: Transaction, address: Address, request: Request, rest: str) -> Answer:
    """Associate and disassociate ("Associate and disassociate table rows using the Web API")."""
    match = _REFERENCE.match(rest)
    if match is None:
        raise errors.unknown(f"the path '{request.path[:100]}'")
    name, key, table = match[1], match[2], address.table
    row_id = str(address.existing(transaction.connection)[table.key.name])
    if name in table.navigations:
        column = table.navigations[name][0]
        return _lookup(transaction, Address(table, row_id), request, name, column)
    found = current().collections(table).get(name)
    if found is None:
        raise errors.no_such_property(name, table.name)
    if request.method == "POST":
        associations.associate(transaction, found, row_id, payload.address_of_link(_link(request.json())))
    elif request.method == "DELETE":
        associations.disassociate(transaction, found, row_id, _other(found, key, request))
    else:
        raise errors.unknown(f"{request.method} on '{request.path[:100]}'")
    return NO_CONTENT


def _lookup(transaction: Transaction, address: Address, request: Request, name: str, column: Column) -> Answer:
    if request.method not in ("PUT", "DELETE"):
        raise errors.unknown(f"{request.method} on '{request.path[:100]}'")
    link = _link(request.json()) if request.method == "PUT" else None
    operations.update(transaction, address, {f"{name}@odata.bind": link}, conditions=NO_CONDITIONS)
    return NO_CONTENT


def _link(body: Mapping[str, object]) -> str:
    link = body.get("@odata.id")
    if not isinstance(link, str):
        raise errors.bad_payload('The body is {"@odata.id": "address of a row"}.')
    return link


def _other(found: associations.Collection, key: str | None, request: Request) -> Address:
    """Return the row to disassociate: in the path, or in `$id`."""
    if key is not None:
        return payload.address(associations.other_table(found), key)
    if "$id" not in request.options:
        raise errors.bad_query("The row to be disassociated is named in the path or in $id.")
    return payload.address_of_link(unquote(request.options["$id"]))


def written_answer(transaction: Transaction, written: Written, request: Request) -> Answer:
    address = f"{request.base_url}{written.table.set_name}({written.id})"
    headers = {"OData-EntityId": address}
    if written.created:
        headers["Location"] = address
    if not request.wants_representation:
        return Answer(204, b"", {"OData-Version": "4.0", **headers})
    if not written.created:
        # "Update with data returned": `$expand` is ignored there.
        request = replace(request, options={k: v for k, v in request.options.items() if k != "$expand"})
    body = reads.representation(transaction.connection, written.table, written.id, request)
    headers |= {"ETag": etag(written.row), **reads.applied(request, "return=representation")}
    return json_answer(201 if written.created else 200, body, headers)
