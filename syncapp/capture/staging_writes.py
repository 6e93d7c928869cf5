"""The change set of one contact: an edit for each entry to stage that is not staged yet, and the originals."""

from __future__ import annotations

from collections.abc import Mapping

from syncapp.capture.chain_records import Plan as ContactPlan
from syncapp.capture.chain_records import StagedChange, StagedEdit
from syncapp.capture.columns import TABLE
from syncapp.capture.history import ContactHistory
from syncapp.crm.staging.contact_names import name_after
from syncapp.crm.staging.records import (
    UNKNOWN_ORIGINAL,
    ChangeSet,
    Column,
    ContactWrite,
    LiveContact,
    NewField,
    NewRecord,
    StagingSnapshot,
)

SOURCE = "audit"


def change_set(
    plan: ContactPlan,
    history: ContactHistory,
    snapshot: StagingSnapshot,
    restores: Mapping[str, str | None],
    *,
    columns: Mapping[str, Column],
    lookups: Mapping[str, Column],
) -> ChangeSet | None:
    """Return the writes of a plan; None if nothing has to be sent."""
    contact = snapshot.contact
    if contact is None:
        return None
    # A plug-in also stages the name that the contact has after its originals are restored.
    name = name_after(contact.values, restores)
    new = [edit for edit in plan.staged if edit.entry.id not in snapshot.staged]
    records = tuple(_record(edit, history, contact, name=name) for edit in new)
    write = None
    if restores:
        # The raised revision shows forms and other tools that this is not an Outlook edit.
        revision = None if contact.revision is None else contact.revision + 1
        values = tuple((columns[name], text) for name, text in sorted(restores.items()))
        write = ContactWrite(contact.id, contact.etag, revision, values)
    if write is None and not records:
        return None
    return ChangeSet(contact=write, records=records, lookups=lookups)


def _record(edit: StagedEdit, history: ContactHistory, contact: LiveContact, *, name: str) -> NewRecord:
    return NewRecord(
        operation_id=edit.entry.id,
        name=name,
        table=TABLE,
        contact_id=contact.id,
        editor_id=edit.entry.editor,
        edited_on=edit.entry.at,
        source=SOURCE,
        is_restored=edit.is_restored,
        fields=tuple(_field(change, history, contact) for change in edit.changes),
    )


def _field(change: StagedChange, history: ContactHistory, contact: LiveContact) -> NewField:
    def label(value: str | None) -> str:
        if value is None:
            return ""
        known = history.labels.get((change.column, value), "")
        is_live = contact.values.get(change.column) == value
        return known or (contact.labels.get(change.column, "") if is_live else "") or value

    original = label(change.original.text) if change.original.is_known else UNKNOWN_ORIGINAL
    return NewField(change.column, change.original.text, change.proposed, original, label(change.proposed))
