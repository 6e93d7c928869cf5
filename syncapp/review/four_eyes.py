"""Four eyes: people may not decide their own edits, and an unidentified editor could be the person who decides.

The identity that counts is the Entra id. An on-premises CRM, or a user who is not synchronized, has none; whether any
reviewer may then decide is a setting (`anyone_decides_unidentified`), off unless an administrator turns it on.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings

from syncapp import preferences
from syncapp.models import CrmUser, Person, Rule, SyncField
from syncapp.review.errors import EditorUnidentified, EditorUnknown, OwnEdit


class BlockReason(StrEnum):
    """Reasons why a person may not decide an edit, by the codes of `review/errors.py`."""

    OWN = "own_edit"
    UNIDENTIFIED = "editor_unidentified"
    UNREAD = "editor_unknown"


@dataclass(frozen=True, slots=True)
class Editor:
    """The identity of an editor, as the CRM holds it."""

    name: str
    entra_id: uuid.UUID | None
    address: str

    def is_same_person(self, person: Person) -> bool:
        """Return whether the editor is known to be this person."""
        if self.entra_id is not None:
            return self.entra_id == person.oid
        # Without an id, the same address proves that it is the same person; another address proves nothing.
        return bool(person.address) and self.address.casefold() == person.address.casefold()


@dataclass(frozen=True, slots=True)
class Editors:
    """The editors of some edits. `allows_unidentified`: any reviewer may decide edits by unidentified editors."""

    known: Mapping[uuid.UUID, Editor]
    allows_unidentified: bool
    is_on: bool = True

    def block_reason(self, editor_id: uuid.UUID | None, deciders: Iterable[Person]) -> BlockReason | None:
        """Return why these people may not decide this editor's edits; None if they may."""
        if not self.is_on:
            return None
        if editor_id is not None and editor_id not in self.known:
            return BlockReason.UNREAD
        editor = self.known[editor_id] if editor_id is not None else None
        if editor is not None and any(editor.is_same_person(person) for person in deciders):
            return BlockReason.OWN
        return BlockReason.UNIDENTIFIED if self.is_unidentified(editor_id) and not self.allows_unidentified else None

    def is_unidentified(self, editor_id: uuid.UUID | None) -> bool:
        """Return whether the CRM names no editor, or has no Entra id of the editor; False if four eyes is off."""
        editor = self.known.get(editor_id) if editor_id is not None else None
        return self.is_on and (editor_id is None or (editor is not None and editor.entra_id is None))

    def entra_id(self, editor_id: uuid.UUID | None) -> uuid.UUID | None:
        """Return the identity that the database compares with the decider's."""
        editor = self.known.get(editor_id) if editor_id is not None else None
        return editor.entra_id if editor is not None else None


def load_editors(editor_ids: Iterable[uuid.UUID | None]) -> Editors:
    """Read these editors in one query."""
    if not settings.FOUR_EYES:
        return Editors({}, allows_unidentified=True, is_on=False)
    ids = {editor_id for editor_id in editor_ids if editor_id is not None}
    rows = CrmUser.objects.filter(pk__in=ids).values_list("pk", "name", "entra_id", "address") if ids else ()
    known = {pk: Editor(name, entra_id, address) for pk, name, entra_id, address in rows}
    return Editors(known, allows_unidentified=preferences.read().anyone_decides_unidentified)


def check(field: SyncField, editors: Editors, *, by: Person | Rule) -> None:
    """Raise EditorUnknown, OwnEdit or EditorUnidentified if `by` may not decide the field."""
    reason = editors.block_reason(field.record.editor_id, deciders(by))
    if reason is BlockReason.UNREAD:
        message = "The editor of this change has not been read from the CRM yet. Try again shortly."
        raise EditorUnknown(message, field=field)
    if reason is BlockReason.OWN:
        raise OwnEdit("This is your own edit, so another reviewer has to decide it.", field=field)
    if reason is BlockReason.UNIDENTIFIED:
        name = field.record.editor_name or "The editor"
        message = (
            f"{name} has no Entra ID in the CRM, so this could be your own edit. "
            "An administrator can let any reviewer decide such edits, under Settings, Review."
        )
        raise EditorUnidentified(message, field=field)


def deciders(by: Person | Rule) -> tuple[Person, ...]:
    """Return the people on whose behalf a decision is taken: a rule acts for its author and whoever enabled it."""
    if isinstance(by, Person):
        return (by,)
    return tuple(person for person in (by.author, by.enabled_by) if person is not None)
