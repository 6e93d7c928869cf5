"""A group of fields as the record page shows it: one head with the buttons, the fields below it."""

from __future__ import annotations

from dataclasses import dataclass

from syncapp.web.review.field import FieldShown
from syncapp.web.review.forms import Problem, Typed


@dataclass(frozen=True, slots=True)
class GroupShown:
    """The head of fields that are decided together. Split, each of them has buttons of its own."""

    key: str
    name: str
    fields: tuple[FieldShown, ...]
    is_split: bool
    typed: Typed
    problem: Problem | None = None

    @property
    def id(self) -> str:
        """The group in the names of controls, beside the fields' ids."""
        return f"group-{self.key}"

    @property
    def label(self) -> str:
        return self.name

    @property
    def bound(self) -> list[FieldShown]:
        """The fields that the head's buttons decide."""
        return [field for field in self.fields if field.group and field.can_decide]

    @property
    def can_decide(self) -> bool:
        return bool(self.bound)

    @property
    def can_split(self) -> bool:
        return self.is_split or self.can_decide

    @property
    def undoable(self) -> list[FieldShown]:
        """The fields whose decisions can be taken back together."""
        return [field for field in self.fields if field.outcome is not None and field.outcome.undo is not None]

    @property
    def undoes_together(self) -> bool:
        """Whether the head offers the undo, and not each field."""
        return not self.is_split and len(self.undoable) > 1


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the record page: a field, or a group's head with the fields that follow it."""

    field: FieldShown | None = None
    group: GroupShown | None = None
