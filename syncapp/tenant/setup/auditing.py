"""Auditing of the environment, the contact table and the columns that Outlook edits."""

from __future__ import annotations

from functools import partial

from syncapp.capture.columns import OUTLOOK_COLUMNS
from syncapp.crm.metadata.tables import AuditSetting
from syncapp.tenant.setup.items import Environment, Item, State

COSTS = (
    "Every change to these columns, whoever makes it, takes up log storage for the number of days in the environment’s "
    "audit settings. Microsoft charges for it once the tenant’s share is used up. Auditing stays on after --remove."
)


def items(environment: Environment) -> tuple[Item, ...]:
    """Return an item per setting: the environment, the table, and each column that the contact has."""
    organization, is_on = environment.reads.auditing()
    turn_on = None if is_on else partial(environment.writes.enable_auditing, organization)
    metadata = environment.crm.metadata
    columns = metadata.auditing("contact")
    return (
        Item("auditing of the environment", State.EXISTS if is_on else State.CHANGE, "", turn_on),
        _item(environment, "auditing of contact", metadata.table("contact").auditing, ""),
        *(
            _item(environment, f"auditing of contact.{name}", columns[name], name)
            for name in OUTLOOK_COLUMNS
            if name in columns
        ),
    )


def _item(environment: Environment, title: str, setting: AuditSetting, column: str) -> Item:
    if setting.is_on:
        return Item(title, State.EXISTS)
    if not setting.may_change:
        return Item(title, State.EXISTS, "It is off, and a managed solution forbids changing it.")
    writes = environment.writes
    apply = (
        partial(writes.enable_column_auditing, "contact", column)
        if column
        else partial(writes.enable_table_auditing, "contact")
    )
    return Item(title, State.CHANGE, "", apply)
