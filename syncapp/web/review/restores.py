"""The results of capture on the record page: how long each value was in the CRM, or why it still is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from syncapp.capture import restore_words
from syncapp.capture.chain_records import Outcome
from syncapp.models import Restore, SyncRecord
from syncapp.models.capture.restore import RestoreResult
from syncapp.text.ids import parse_uuid
from syncapp.web.base import times


@dataclass(frozen=True, slots=True)
class RestorePresenter:
    """The result of restoring one field."""

    row: Restore

    @property
    def is_restored(self) -> bool:
        return self.row.result == RestoreResult.RESTORED

    @property
    def tag(self) -> str:
        """Return a few words for a value that is in the CRM, '' for a restored one."""
        if self.row.result == RestoreResult.PUT_BACK:
            return "Put back"
        if self.is_restored:
            return ""
        if self.row.reason == Outcome.TOO_LATE:
            return f"Already in the CRM for {self._found_after}"
        return restore_words.KEEPS_SENDING if self.row.reason == Outcome.HELD else "Not restored"

    @property
    def why(self) -> str:
        """Return why the value is still in the CRM, as a sentence; '' for a restored one."""
        if self.row.result == RestoreResult.PUT_BACK:
            return "An administrator put the value from Outlook back after the original had been restored."
        if self.is_restored:
            return ""
        if self.row.reason == Outcome.TOO_LATE:
            return f"It had been in the CRM for {self._found_after} when the portal found it, so it was not restored."
        return restore_words.why_not_restored(self.row.reason, crm_answer=self.row.trouble)

    @property
    def left_another_value(self) -> bool:
        """Return whether the CRM held neither the proposal nor the original when the edit was staged."""
        return not self.is_restored and self.row.reason in (Outcome.OVERWRITTEN, Outcome.OTHERS_VALUE)

    @property
    def _found_after(self) -> str:
        return times.span((self.row.done_at - self.row.happened_at).total_seconds())


def load_restores(record: SyncRecord) -> Mapping[str, RestorePresenter]:
    """Return an edit's results by column, in one query; empty for an edit that capture did not stage."""
    audit_id = parse_uuid(record.operation_id) if record.source == "audit" else None
    if audit_id is None:
        return {}
    return {row.column_name: RestorePresenter(row) for row in Restore.objects.filter(audit_id=audit_id)}


def load_newest(record: SyncRecord, columns: Collection[str]) -> Mapping[str, RestorePresenter]:
    """Return the newest result for these columns of an edit's contact, whatever edit it belongs to."""
    if not columns or record.target_id is None:
        return {}
    rows = Restore.objects.filter(contact_id=record.target_id, column_name__in=columns).order_by("done_at", "pk")
    return {row.column_name: RestorePresenter(row) for row in rows}


def live_words(restores: Mapping[str, RestorePresenter]) -> str:
    """Return how long an edit was in the CRM until its originals were restored, '' if that is not known."""
    seconds = [each.row.live_seconds for each in restores.values() if each.row.live_seconds is not None]
    return f"was in the CRM for {times.span(max(seconds))}" if seconds else ""
