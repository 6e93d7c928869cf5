"""Actions of people outside the portal: editing in Outlook or a CRM form, deleting, deciding in the CRM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from dataverse_sandbox import config, errors, operations, payload, rows, values
from dataverse_sandbox.catalog import BY_NAME, CONTACT, ROLE, SYNC_FIELD, SYNC_RECORD, SYSTEM_USER, USER_ROLES, Kind
from dataverse_sandbox.catalog.staging import APPROVED, PENDING, REJECTED
from dataverse_sandbox.operations import Written, etag
from dataverse_sandbox.payload import Address
from dataverse_sandbox.plugin import REVISION
from dataverse_sandbox.store import Author, Row, Store, Transaction

_DECISIONS = {"approved": APPROVED, "rejected": REJECTED}


@dataclass(frozen=True)
class User:
    id: str
    name: str


def user(store: Store, id_or_name: str) -> User:
    """Return a CRM user by id or full name. Raises ApiError 404."""
    found = store.fetch(
        "SELECT systemuserid, fullname FROM systemuser WHERE systemuserid = ? OR fullname = ?",
        (id_or_name.lower(), id_or_name),
    )
    if found is None:
        raise errors.does_not_exist(SYSTEM_USER.name, id_or_name)
    return User(str(found[0]), str(found[1]))


def edit_from_outlook(
    store: Store, who: str, contact_id: str, changes: Mapping[str, object], *, delegate: str | None = None
) -> dict[str, object]:
    """Save a contact as Outlook does, without a revision; return the changes that the plug-in staged."""
    with store.write(Author(user(store, who).id, delegate)) as transaction:
        address = _address(contact_id)
        address.existing(transaction.connection)
        return _outcome(operations.update(transaction, address, web_api_body(changes)))


def edit_by_form(store: Store, who: str, contact_id: str, changes: Mapping[str, object]) -> dict[str, object]:
    """Save a contact as a CRM form does: the revision rises, so nothing is staged."""
    with store.write(Author(user(store, who).id)) as transaction:
        address = _address(contact_id)
        contact = address.existing(transaction.connection)
        body = {**web_api_body(changes), **_raised(contact)}
        return _outcome(operations.update(transaction, address, body))


def give_roles(store: Store, who: str, names: Sequence[str]) -> dict[str, object]:
    """Set the user's security roles. Raises ApiError 404 for an unknown role."""
    holder = user(store, who)
    with store.write(Author(config.APPLICATION_USER_ID)) as transaction:
        set_roles(transaction, holder.id, names)
    return {"user": holder.id, "roles": list(names)}


def set_roles(transaction: Transaction, user_id: str, names: Sequence[str]) -> None:
    """Replace the user's security roles. Raises ApiError 404 for an unknown role."""
    connection = transaction.connection
    held = connection.execute("SELECT systemuserrolesid FROM systemuserroles WHERE systemuserid = ?", (user_id,))
    for (pair,) in held.fetchall():
        rows.delete(transaction, USER_ROLES, str(pair))
    for name in names:
        role = connection.execute("SELECT roleid FROM role WHERE name = ?", (name,)).fetchone()
        if role is None:
            raise errors.does_not_exist(ROLE.name, name)
        rows.create(transaction, USER_ROLES, {"systemuserid": user_id, "roleid": role[0]})


def delete(store: Store, who: str, table_name: str, row_id: str) -> dict[str, object]:
    if table_name not in BY_NAME:
        raise errors.unknown(f"the table '{table_name}'")
    with store.write(Author(user(store, who).id)) as transaction:
        operations.delete(transaction, payload.address(BY_NAME[table_name], row_id))
    return {"deleted": row_id}


def decide(store: Store, who: str, field_id: str, decision: str, reason: str) -> dict[str, object]:
    """Decide a SyncField in the CRM: approving writes the contact, and deciding the last field closes the record."""
    if decision not in _DECISIONS:
        raise errors.bad_payload("A decision is 'approved' or 'rejected'.")
    decider = user(store, who)
    with store.write(Author(decider.id)) as transaction:
        field = payload.address(BY_NAME[SYNC_FIELD.name], field_id).existing(transaction.connection)
        if decision == "approved":
            _write_proposal(transaction, field)
        marked = rows.update(transaction, BY_NAME[SYNC_FIELD.name], field, _mark(field, decision, decider, reason))
        _close_when_settled(transaction, str(field["osync_syncrecord"]))
        return {"field": field_id, "etag": etag(marked)}


def _address(contact_id: str) -> Address:
    return payload.address(BY_NAME[CONTACT.name], contact_id)


def _raised(contact: Row) -> dict[str, object]:
    """Return the raised revision; nothing if the contact has no such column."""
    return {REVISION: int(str(contact[REVISION] or 0)) + 1} if REVISION in contact else {}


def web_api_body(changes: Mapping[str, object]) -> dict[str, object]:
    """Convert changes to a Web API body; a lookup may be canonical text, `account:GUID`, or null."""
    body: dict[str, object] = {}
    for name, value in changes.items():
        column = BY_NAME[CONTACT.name].by_name.get(name)
        if column is None or column.kind is not Kind.LOOKUP:
            body[name] = value
        elif value is None:
            body[f"{column.navigation(column.targets[0])}@odata.bind"] = None
        else:
            target, _, row_id = str(value).partition(":")
            set_name = BY_NAME[target].set_name if target in BY_NAME else target
            body[f"{column.navigation(target)}@odata.bind"] = f"/{set_name}({row_id})"
    return body


def _outcome(written: Written) -> dict[str, object]:
    staged = written.staged
    return {
        "contact": written.id,
        "etag": etag(written.row),
        "staged": len(staged.fields) if staged else 0,
        "record": staged.record_id if staged else None,
        "fields": [asdict(field) for field in staged.fields] if staged else [],
    }


def _write_proposal(transaction: Transaction, field: Row) -> None:
    record = payload.address(BY_NAME[SYNC_RECORD.name], str(field["osync_syncrecord"])).existing(transaction.connection)
    contact = _address(str(record["osync_targetid"])).existing(transaction.connection)
    table = BY_NAME[CONTACT.name]
    column = table.by_name[str(field["osync_name"])]
    proposed = values.stored_from_canonical(table, column, field["osync_proposedvalue"])
    rows.update(transaction, table, contact, {**proposed, **_raised(contact)})


def _mark(field: Row, decision: str, decider: User, reason: str) -> Row:
    return {
        "osync_decision": _DECISIONS[decision],
        "osync_decidedby": decider.name,
        "osync_decidedon": rows.now(),
        "osync_reason": reason or None,
        "osync_appliedvalue": field["osync_proposedvalue"] if decision == "approved" else None,
        "statecode": 1,
    }


def _close_when_settled(transaction: Transaction, record_id: str) -> None:
    open_fields = transaction.connection.execute(
        "SELECT 1 FROM osync_syncfield WHERE osync_syncrecord = ? AND (statecode = 0 OR osync_decision = ?) LIMIT 1",
        (record_id, PENDING),
    ).fetchone()
    table = BY_NAME[SYNC_RECORD.name]
    record = rows.find(transaction.connection, table, record_id)
    if open_fields is None and record is not None and record["statecode"] == 0:
        rows.update(transaction, table, record, {"statecode": 1})
