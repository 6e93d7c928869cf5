"""Input and output of `chains`. Values are canonical text, None if empty; times are aware."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class Writer(StrEnum):
    """The kind of author of a change, which determines what may be restored."""

    OUTLOOK = "outlook"
    OURS = "ours"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a column, or an unknown one: not audited, cut off, or never seen."""

    text: str | None = None
    is_known: bool = True


UNKNOWN = Value(is_known=False)


@dataclass(frozen=True, slots=True)
class Change:
    """One column of an entry; `is_reviewed` is False if such changes are let through.

    `may_restore` is False if earlier changes to this column may be missing.
    """

    old: Value
    new: Value
    is_reviewed: bool = True
    may_restore: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the audit log. `editor` is the person named by an Outlook edit.

    `ends_baselines`: the contact was created, merged or assigned, or its state was set. `is_restore`: a write of ours
    that put originals back. `may_restore` is False if the change came before restoring was switched on. `is_handled`
    entries were staged, or let through, by an earlier plan.
    """

    id: uuid.UUID
    at: datetime
    writer: Writer
    changes: Mapping[str, Change] = field(default_factory=dict)
    editor: uuid.UUID | None = None
    ends_baselines: bool = False
    is_restore: bool = False
    may_restore: bool = True
    is_handled: bool = False


@dataclass(frozen=True, slots=True)
class ColumnState:
    """The state of a column after some of the contact's entries.

    `baseline` is the value left by the last writer other than Outlook, at `left_at` if that is known; `end` is the
    value that the last entry left. `live_since` is when Outlook's value replaced the baseline, None if it
    has not. `is_broken`: an entry after the baseline is missing. `values` are Outlook's values since the baseline.
    """

    baseline: Value
    end: Value
    left_at: datetime | None = None
    live_since: datetime | None = None
    is_broken: bool = False
    may_restore: bool = True
    values: tuple[str | None, ...] = ()


class Outcome(StrEnum):
    """The result for the value of one changed column."""

    RESTORE = "restore"  # the original is put back
    ORIGINAL = "original"  # the CRM holds the original again
    OVERWRITTEN = "overwritten"  # a later entry by someone else has another value
    OTHERS_VALUE = "others_value"  # the CRM holds a value that no known entry left
    GAP = "gap"  # an entry is missing in between
    ENDED = "ended"  # since then, the contact was created, merged or assigned, or its state was set
    UNKNOWN_ORIGINAL = "unknown_original"
    UNKNOWN_VALUE = "unknown_value"  # the new value cannot be compared with the CRM's
    TOO_LATE = "too_late"  # the value had been in the CRM for too long when it was found
    NOT_ALLOWED = "not_allowed"  # restoring was not switched on at that time
    REFUSED = "refused"  # the CRM refused the restore
    HELD = "held"  # a brake holds this column
    INACTIVE = "inactive"
    MERGED = "merged"
    UNREADABLE = "unreadable"  # the CRM's value of the column cannot be read


class SkipReason(StrEnum):
    """A reason why a change from Outlook is not staged."""

    LET_THROUGH = "let_through"
    ECHO = "echo"  # the synchronization sent a value back in its own format
    UNDONE = "undone"  # the editor entered the original again
    REPEATED = "repeated"  # a rejected value that came again: counted with the earlier decision
    UNKNOWN_PROPOSAL = "unknown_proposal"  # the value that was entered is not known
    CONTACT_GONE = "contact_gone"


PUT_BACK = (Outcome.RESTORE, Outcome.ORIGINAL)


@dataclass(frozen=True, slots=True)
class Rejection:
    """A rejected value: for a while, the same value from the same editor is not staged again.

    `edit` is the entry with the rejected value, if a plan may still have to handle it.
    """

    decision: uuid.UUID
    column: str
    value: str | None
    editor: uuid.UUID | None
    at: datetime
    edit: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class LiveState:
    """The contact's values as just read; columns that cannot be read are absent."""

    values: Mapping[str, str | None]
    is_active: bool = True
    is_merged: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """The known history of one contact: its entries, in any order.

    `held` are columns that a brake keeps from being restored.
    """

    entries: Sequence[Entry]
    rejections: Sequence[Rejection] = ()
    held: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rules:
    """The functions that compare values, and the time limits.

    `same` and `is_format_only` take a column and two of its values. `rejection_counts_for` is how long a rejected value
    is not staged again.
    """

    now: datetime
    same: Callable[[str, str | None, str | None], bool]
    is_format_only: Callable[[str, str | None, str | None], bool] = lambda column, old, new: False
    late_after: timedelta = timedelta(minutes=15)
    echo_within: timedelta = timedelta(minutes=30)
    rejection_counts_for: timedelta = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class StagedChange:
    """One column of an edit to stage."""

    column: str
    original: Value
    proposed: str | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class StagedEdit:
    """One entry to stage; it counts as restored once no changed column still holds Outlook's value."""

    entry: Entry
    changes: tuple[StagedChange, ...]

    @property
    def is_restored(self) -> bool:
        """Return whether all columns hold their originals again."""
        return all(change.outcome in PUT_BACK for change in self.changes)


@dataclass(frozen=True, slots=True)
class Repeat:
    """A rejected value that Outlook sent again."""

    entry: uuid.UUID
    rejection: Rejection


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """The plan for a column that holds Outlook's value `end`, live since `since`."""

    outcome: Outcome
    baseline: Value
    end: Value
    since: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan for one contact: edits to stage, changes not to stage, repeated rejections, and columns to restore.

    `skipped` has the reason by entry and column.
    """

    staged: tuple[StagedEdit, ...]
    skipped: Mapping[tuple[uuid.UUID, str], SkipReason]
    repeats: tuple[Repeat, ...]
    columns: Mapping[str, ColumnPlan]

    @property
    def restores(self) -> dict[str, str | None]:
        """Return the values to put back, by column."""
        return {
            column: column_plan.baseline.text
            for column, column_plan in self.columns.items()
            if column_plan.outcome is Outcome.RESTORE
        }
