"""Other programs and people who change contacts, and the way in which Outlook's synchronization signs its changes.

    erp                  a second application with its own client, see `config.ERP`
    flow                 an application that runs the company's flows, see `config.FLOWS`
    import               an ordinary user who changes many contacts
    form                 a CRM form with the company's script, which raises the revision
    form_without_script  a CRM form without it

Only the form with the script raises the revision. The users of applications are created when they are
first needed; a new sandbox has only the portal's.
"""

from __future__ import annotations

from collections.abc import Mapping

from dataverse_sandbox import actions, config, operations, payload, rows
from dataverse_sandbox.catalog import CONTACT, SYSTEM_USER
from dataverse_sandbox.config import Application
from dataverse_sandbox.errors import bad_payload
from dataverse_sandbox.store import Author, Store

SIGNED, UNSIGNED, ADD_IN = "signed", "unsigned", "add-in"
SIGNATURES = (SIGNED, UNSIGNED, ADD_IN)
FORM, FORM_WITHOUT_SCRIPT, ERP, FLOW = "form", "form_without_script", "erp", "flow"
WRITERS = (ERP, FLOW, FORM, FORM_WITHOUT_SCRIPT)
SETTING = "synchronization"
_APPLICATIONS = {ERP: config.ERP, FLOW: config.FLOWS}


def application_user(store: Store, application: Application) -> str:
    """Return the systemuserid of an application, which gets a user with its roles if it has none."""
    if store.fetch("SELECT 1 FROM systemuser WHERE systemuserid = ?", (application.user_id,)) is None:
        with store.write(Author(config.APPLICATION_USER_ID)) as transaction:
            values = {
                "systemuserid": application.user_id,
                "applicationid": application.client_id,
                "azureactivedirectoryobjectid": config.fixed_id("entra", application.name),
                "lastname": application.name,
                "internalemailaddress": application.address or None,
                "domainname": application.address or None,
                "businessunitid": config.BUSINESS_UNIT_ID,
            }
            rows.create(transaction, SYSTEM_USER, values)
            actions.set_roles(transaction, application.user_id, application.roles)
    return application.user_id


def signature(store: Store) -> str:
    """Return the way in which the synchronization signs what Outlook saves."""
    return store.setting(SETTING) or UNSIGNED


def sign(store: Store, how: str) -> None:
    """Choose the signature of later changes. Raises ApiError 400."""
    if how not in SIGNATURES:
        raise bad_payload(f'"signature" is one of {", ".join(SIGNATURES)}.')
    if how == SIGNED:
        application_user(store, config.SYNCHRONIZATION)
    store.set_setting(SETTING, how)


def save_from_outlook(store: Store, who: str, contact_id: str, changes: Mapping[str, object]) -> dict[str, object]:
    """Save a contact as Outlook does, signed as chosen."""
    delegate = config.SYNCHRONIZATION.user_id if signature(store) == SIGNED else None
    return actions.edit_from_outlook(store, who, contact_id, changes, delegate=delegate)


def write(store: Store, writer: str, who: str, contact_id: str, changes: Mapping[str, object]) -> dict[str, object]:
    """Change a contact as one of the writers; `who` fills in a form. Raises ApiError 400 for an unknown writer."""
    if writer not in WRITERS:
        raise bad_payload(f'"writer" is one of {", ".join(WRITERS)}.')
    if writer == FORM:
        return actions.edit_by_form(store, who, contact_id, changes)
    author = application_user(store, _APPLICATIONS[writer]) if writer in _APPLICATIONS else who
    return actions.edit_from_outlook(store, author, contact_id, changes)


def import_contacts(store: Store, who: str, changes: Mapping[str, object], *, count: int) -> int:
    """Give the first contacts the same values, each in its own transaction, as imports do; return their number."""
    author = Author(actions.user(store, who).id)
    with store.read() as connection:
        statement = "SELECT contactid FROM contact ORDER BY contactid LIMIT ?"
        ids = [str(row[0]) for row in connection.execute(statement, (count,))]
    body = actions.web_api_body(changes)
    for contact_id in ids:
        with store.write(author) as transaction:
            address = payload.address(CONTACT, contact_id)
            if address.find(transaction.connection) is not None:
                operations.update(transaction, address, body)
    return len(ids)
