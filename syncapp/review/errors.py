"""What can stand between a person and a decision. Each says it in words for the screen."""

from __future__ import annotations

from syncapp.models import SyncField


class ReviewError(Exception):
    """A decision was not taken; `str()` is what the person reads. `code` names the reason for tests and logs."""

    code = "refused"

    def __init__(self, message: str, *, field: SyncField | None = None) -> None:
        super().__init__(message)
        self.field = field


class AlreadyDecided(ReviewError):
    """Somebody else, or another window, was first."""

    code = "already_decided"


class ChangedMeanwhile(ReviewError):
    """The values are no longer those that the person saw."""

    code = "changed_meanwhile"


class OwnEdit(ReviewError):
    """Four eyes: nobody decides his own edit."""

    code = "own_edit"


class EditorUnknown(ReviewError):
    """Four eyes cannot be checked yet, because the editor has not been read from the CRM."""

    code = "editor_unknown"


class EditorUnidentified(ReviewError):
    """Four eyes cannot be checked, because the CRM does not identify the editor, who could be the person deciding."""

    code = "editor_unidentified"


class BadValue(ReviewError):
    """The corrected value cannot be this column's value."""

    code = "bad_value"


class TooLate(ReviewError):
    """The undo window is over; the decision is in a delivery."""

    code = "too_late"


class NotPossible(ReviewError):
    """The field is not in a state for this step."""

    code = "not_possible"
