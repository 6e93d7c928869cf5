"""Errors that refuse a decision, with a message for the screen."""

from __future__ import annotations

from syncapp.models import SyncField


class ReviewError(Exception):
    """A decision was refused. `str()` is the message for the person, `code` names the reason in traces of rules."""

    code = "refused"

    def __init__(self, message: str, *, field: SyncField | None = None) -> None:
        super().__init__(message)
        self.field = field


class AlreadyDecided(ReviewError):
    """Another person, or another window of the same person, decided first."""

    code = "already_decided"


class ChangedMeanwhile(ReviewError):
    """The values are no longer those that the form showed."""

    code = "changed_meanwhile"


class OwnEdit(ReviewError):
    """Four eyes: people do not decide their own edits."""

    code = "own_edit"


class EditorUnknown(ReviewError):
    """Four eyes cannot be checked yet, because the editor has not been read from the CRM."""

    code = "editor_unknown"


class EditorUnidentified(ReviewError):
    """Four eyes cannot be checked, because the CRM has no Entra id of the editor."""

    code = "editor_unidentified"


class BadValue(ReviewError):
    """The corrected value is not valid for this column."""

    code = "bad_value"


class TooLate(ReviewError):
    """The undo window is over; the decision is part of a delivery."""

    code = "too_late"


class NotPossible(ReviewError):
    """The field is not in a state that allows this step."""

    code = "not_possible"
