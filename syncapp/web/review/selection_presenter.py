"""A bulk decision: its fields before and after, its progress and results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from uuid import UUID

from django.db.models import Case, Count, Prefetch, QuerySet, When

from syncapp.crm.staging.records import Column
from syncapp.mirror import columns
from syncapp.models import Decision, Person, Selection, SelectionItem, SelectionRun
from syncapp.models.person import Role
from syncapp.models.review.decision import DecisionState, Outcome
from syncapp.review.bulk import selections
from syncapp.review.bulk.warnings import is_changed_in_crm, summarize
from syncapp.review.diff import values
from syncapp.review.diff.values import DiffSide, ValueDiff
from syncapp.web.base import holds
from syncapp.web.review import outcomes
from syncapp.web.review.outcomes import OutcomePresenter

MAX_SHOWN = 200
Result = SelectionItem.Result
_UNDER_WAY = (DecisionState.OPEN, DecisionState.BOUND)


@dataclass(frozen=True, slots=True)
class SelectionLine:
    """One field of the list. `crm_value`: the live value that kept it from being decided."""

    item: SelectionItem
    label: str
    change: ValueDiff
    outcome: OutcomePresenter | None = None
    crm_value: DiffSide | None = None


class SelectionPresenter:
    """Lazily computed values of one selection's page."""

    max_shown = MAX_SHOWN

    def __init__(
        self, row: Selection, person: Person, *, shows_all: bool, read_soon: bool = False, crm_failed: bool = False
    ) -> None:
        """Prepare the page. `read_soon`: once loaded, it requests live values; `crm_failed`: the CRM did not answer."""
        self.row = row
        self.read_soon = read_soon
        self.crm_failed = crm_failed
        self.person = person
        self.shows_all = shows_all
        self.may_decide = person.has_role(Role.REVIEWER) and row.person_id == person.pk

    @property
    def run(self) -> SelectionRun | None:
        """Return the decision for the list once it has been taken."""
        return getattr(self.row, "run", None)

    @property
    def is_long(self) -> bool:
        """Return whether the list is too long to check: it shows examples and asks for its number of fields."""
        return self.row.fields > selections.MAX_SHOWN

    @property
    def shows_examples(self) -> bool:
        return self.is_long and not self.shows_all

    @property
    def is_working(self) -> bool:
        return self.run is not None and selections.is_unfinished(self.run)

    @cached_property
    def is_under_way(self) -> bool:
        """Return whether any decision has not reached the CRM yet, or any listed one has not been read back."""
        if self.row.items.filter(result=Result.TAKEN, decision__state__in=_UNDER_WAY).exists():
            return True
        return any(outcomes.awaits_reading_back(line.item.field) for line in self.decided)

    @property
    def has_next_step(self) -> bool:
        """Return whether decisions can be undone, or refused fields selected again."""
        return self.run is not None and bool(self.undoable_count or (self.refused_count and not self.is_working))

    @property
    def outcome_word(self) -> str:
        return Outcome(self.run.outcome).label.lower() if self.run else ""

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """Return the number of items per result."""
        return dict(self.row.items.order_by().values_list("result").annotate(number=Count("pk")))

    @property
    def decided_count(self) -> int:
        return self.counts.get(Result.TAKEN, 0)

    @property
    def refused_count(self) -> int:
        return self.counts.get(Result.REFUSED, 0)

    @property
    def omitted_count(self) -> int:
        """Return how many fields are left out because their value changed in the CRM."""
        return self.counts.get(Result.OMITTED, 0)

    @property
    def finished_count(self) -> int:
        return self.decided_count + self.refused_count

    @cached_property
    def undoable_count(self) -> int:
        return self.row.items.filter(result=Result.TAKEN, decision__state=DecisionState.OPEN).count()

    @cached_property
    def undone_count(self) -> int:
        return self.row.items.filter(result=Result.TAKEN, decision__state=DecisionState.UNDONE).count()

    @cached_property
    def lines(self) -> list[SelectionLine]:
        """Return the fields to decide, or examples of them; fields with concerns first."""
        return self._lines(self.row.items.filter(is_example=True) if self.shows_examples else self.row.items.all())

    @property
    def record_ids(self) -> list[UUID]:
        """Return the edits whose fields are listed, each once."""
        return list(dict.fromkeys(line.item.field.record_id for line in self.lines))

    @property
    def read_at(self) -> datetime | None:
        """Return when the oldest of the listed live values was read; None if one has never been read."""
        fields = [line.item.field for line in self.lines]
        times = [field.crm_now_read_at for field in fields if field.is_undecided]
        known = [time for time in times if time is not None]
        return min(known) if known and len(known) == len(times) else None

    @cached_property
    def _concerns(self) -> list[list[str]]:
        return [item.concern_codes for item in self.row.items.exclude(concerns="").only("concerns")]

    @property
    def concern_count(self) -> int:
        """Return how many fields have concerns, including omitted fields."""
        return len(self._concerns)

    @property
    def concern_summary(self) -> str:
        return summarize(self._concerns)

    @cached_property
    def omitted(self) -> list[SelectionLine]:
        return self._lines(self.row.items.filter(result=Result.OMITTED))

    @cached_property
    def refused(self) -> list[SelectionLine]:
        return self._lines(self.row.items.filter(result=Result.REFUSED))

    @cached_property
    def decided(self) -> list[SelectionLine]:
        """Return the decided fields with their current outcome."""
        newest_first = Decision.objects.select_related("decided_by", "rule", "delivery").order_by("-version")
        items = self.row.items.filter(result=Result.TAKEN)
        lines = self._lines(items.prefetch_related(Prefetch("field__decisions", newest_first)))
        state_of = outcomes.outcome_or_state
        held = holds.cached_reason()
        return [replace(line, outcome=state_of(line.item.field, person=self.person, held=held)) for line in lines]

    def _lines(self, items: QuerySet[SelectionItem]) -> list[SelectionLine]:
        known: dict[str, Mapping[str, Column]] = {}
        found = []
        concerns_first = Case(When(concerns="", then=1), default=0)
        for item in items.select_related("field__record").order_by(concerns_first, "position")[:MAX_SHOWN]:
            table = item.field.record.target_table
            known.setdefault(table, columns.of_table(table))
            column = known[table].get(item.field.column_name)
            label = column.label if column else item.field.column_name
            is_changed = item.result == Result.OMITTED or (
                item.result == Result.REFUSED and item.field.is_undecided and is_changed_in_crm(item.field, column)
            )
            crm_value = values.diff_live_value(item.field, column) if is_changed else None
            found.append(SelectionLine(item, label, values.diff_field(item.field, column), crm_value=crm_value))
        return found
