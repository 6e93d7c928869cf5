"""A put-back plan, prepared for its page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlencode

from syncapp.capture.put_back import transitions
from syncapp.capture.put_back.assessment import SENTENCES, LeaveReason
from syncapp.crm.staging.records import Column
from syncapp.mirror import columns
from syncapp.models import PutBackItem, PutBackPlan, PutBackPreparation
from syncapp.models.capture.entry import Source
from syncapp.models.capture.put_back import PutBackResult, PutBackState
from syncapp.models.jobs.job import JobState
from syncapp.review.diff import values
from syncapp.review.diff.values import DiffSide
from syncapp.web.base import holds

PAGE_SIZE = 50
_ICONS = {
    PutBackResult.OPEN: ("clock", ""),
    PutBackResult.DONE: ("check", "good"),
    PutBackResult.LEFT: ("gone", ""),
    PutBackResult.FAILED: ("stop-sign", "bad"),
}


@dataclass(frozen=True, slots=True)
class ItemPresenter:
    """One column of one contact: the restored value, the one from Outlook, and the result with its reason."""

    item: PutBackItem
    column: Column | None
    is_started: bool

    @property
    def name(self) -> str:
        field = self.item.field
        return (field.record.name if field is not None else "") or "Contact without a name"

    @property
    def label(self) -> str:
        return self.column.label if self.column is not None else self.item.column_name

    @property
    def restored(self) -> DiffSide:
        return self._change.before

    @property
    def found(self) -> DiffSide:
        return self._change.after

    @property
    def live(self) -> DiffSide | None:
        """Return the CRM's value if it is neither of the two values."""
        if self.item.why != LeaveReason.CHANGED:
            return None
        return values.format_unmarked(self.column, self.item.live_value)

    @property
    def icon(self) -> str:
        return _ICONS[PutBackResult(self.item.result)][0]

    @property
    def tone(self) -> str:
        return _ICONS[PutBackResult(self.item.result)][1]

    @property
    def result(self) -> str:
        if self.item.result == PutBackResult.OPEN and self.is_started:
            return "Waiting"
        return self.item.get_result_display()

    @property
    def why(self) -> str:
        return SENTENCES.get(self.item.why, self.item.why) if self.item.why else self.item.trouble

    @property
    def _change(self) -> values.ValueDiff:
        restore, field = self.item.restore, self.item.field
        before = (restore.value_restored, field.label_of(restore.value_restored) if field is not None else "")
        after = (restore.value_found, field.label_of(restore.value_found) if field is not None else "")
        return values.diff_values(self.column, before, after)


class PutBackPresenter:
    """The page of one plan; `part` narrows its list to one result, `after` is the position of the last shown item."""

    def __init__(self, plan: PutBackPlan, *, part: str = "", after: int | None = None) -> None:
        self.plan = plan
        self.part = part if part in PutBackResult.values else ""
        self.after = after

    @property
    def query(self) -> str:
        """Return the query string of this part of the page."""
        return "?" + urlencode({"part": self.part} | ({} if self.after is None else {"after": self.after}))

    @cached_property
    def counts(self) -> Mapping[str, int]:
        return Counter(self.plan.items.values_list("result", flat=True))

    @property
    def figures(self) -> list[tuple[str, str, int]]:
        """Return the code, label and number of each result."""
        first = "Waiting" if self.is_started else "Will be put back"
        labels = {PutBackResult.OPEN: first}
        shown = [PutBackResult.OPEN, PutBackResult.DONE, PutBackResult.LEFT, PutBackResult.FAILED]
        if not self.is_started:
            shown = [PutBackResult.OPEN, PutBackResult.LEFT]
        return [(each.value, labels.get(each, each.label), self.counts.get(each, 0)) for each in shown]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def to_do(self) -> int:
        return self.counts.get(PutBackResult.OPEN, 0)

    @property
    def finished(self) -> int:
        return self.total - self.to_do

    @property
    def failed(self) -> int:
        return self.counts.get(PutBackResult.FAILED, 0)

    @cached_property
    def stopped(self) -> int:
        return self.plan.items.filter(result=PutBackResult.LEFT, why=LeaveReason.STOPPED).count()

    @cached_property
    def contacts(self) -> int:
        """Return how many contacts the plan would write."""
        return self.plan.items.filter(result=PutBackResult.OPEN).values("contact_id").distinct().count()

    @cached_property
    def compared_count(self) -> int:
        """Return how many fields of the preview have been compared."""
        return self.total - self.plan.items.filter(result=PutBackResult.OPEN, live_read_at=None).count()

    @property
    def is_preparing(self) -> bool:
        return self.plan.state == PutBackState.PREPARING

    @property
    def is_planned(self) -> bool:
        return self.plan.state == PutBackState.PLANNED

    @property
    def is_running(self) -> bool:
        return self.plan.state == PutBackState.RUNNING

    @property
    def is_stopping(self) -> bool:
        return self.plan.state == PutBackState.STOPPED and self.plan.finished_at is None

    @property
    def is_started(self) -> bool:
        return self.plan.started_at is not None

    @property
    def is_moving(self) -> bool:
        """Return whether the page refreshes every two seconds."""
        return (self.is_preparing and not self.preparation_failed) or self.is_running or self.is_stopping

    @property
    def retryable_count(self) -> int:
        """Return how many items a retry would try."""
        return self.failed + self.stopped if self.is_ended else 0

    @property
    def is_ended(self) -> bool:
        return self.plan.state in (PutBackState.DONE, PutBackState.STOPPED) and self.plan.finished_at is not None

    @cached_property
    def preparation_failed(self) -> bool:
        return PutBackPreparation.objects.filter(plan=self.plan, state=JobState.FAILED).exists()

    @cached_property
    def writes_are_enabled(self) -> bool:
        return transitions.writes_are_enabled()

    @cached_property
    def hold(self) -> str:
        """Return why nothing is being written now, '' if writes continue."""
        return holds.reason()

    @property
    def source(self) -> str:
        return Source(self.plan.source).label if self.plan.source else "Any source"

    @property
    def column(self) -> str:
        return columns.label("contact", self.plan.column_name) if self.plan.column_name else "any field"

    @cached_property
    def items(self) -> list[ItemPresenter]:
        known = columns.of_table("contact")
        rows = self.plan.items.select_related("restore", "field__record").order_by("position")
        if self.part:
            rows = rows.filter(result=self.part)
        if self.after is not None:
            rows = rows.filter(position__gt=self.after)
        return [ItemPresenter(each, known.get(each.column_name), self.is_started) for each in rows[:PAGE_SIZE]]

    @property
    def next_after(self) -> int | None:
        """Return the position after which the next page begins, None on the last page."""
        return self.items[-1].item.position if len(self.items) == PAGE_SIZE else None
