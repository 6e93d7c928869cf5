"""A selection as its page shows it: what would change, how far it is, what was not decided and why."""

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
from syncapp.review.bulk.warnings import changed_in_crm, summarize
from syncapp.review.diff import values
from syncapp.review.diff.values import DiffSide, ValueDiff
from syncapp.web.base import holds
from syncapp.web.review import outcomes
from syncapp.web.review.outcomes import Outcome as Became

MOST_SHOWN = 200
Result = SelectionItem.Result
_UNDER_WAY = (DecisionState.OPEN, DecisionState.BOUND)


@dataclass(frozen=True, slots=True)
class Line:
    """One field of the list: whose, which, from what to what; `why` it was not decided, or what it `became`.

    `crm_now` is the CRM's present value where the field was left out or refused because of it.
    """

    item: SelectionItem
    label: str
    change: ValueDiff
    why: str
    became: Became | None = None
    crm_now: DiffSide | None = None


class SelectionView:
    """Read when the template asks for it, and once."""

    most_shown = MOST_SHOWN

    def __init__(
        self, row: Selection, person: Person, *, everything: bool, read_soon: bool = False, crm_failed: bool = False
    ) -> None:
        """`read_soon`: the page asks for the CRM's values by itself; `crm_failed`: it did not answer just now."""
        self.row = row
        self.read_soon = read_soon
        self.crm_failed = crm_failed
        self.person = person
        self.everything = everything
        self.may_decide = person.has_role(Role.REVIEWER) and row.person_id == person.pk

    @property
    def run(self) -> SelectionRun | None:
        """What was asked of it, once that happened."""
        return getattr(self.row, "run", None)

    @property
    def is_many(self) -> bool:
        """Whether nobody looks through all of it: examples, and a number to type."""
        return self.row.fields > selections.AT_ONCE

    @property
    def shows_examples(self) -> bool:
        return self.is_many and not self.everything

    @property
    def is_working(self) -> bool:
        return self.run is not None and selections.is_working(self.run)

    @cached_property
    def is_under_way(self) -> bool:
        """Whether decisions of it are not in the CRM yet, or one that is shown was not read back from there."""
        if self.row.items.filter(result=Result.TAKEN, decision__state__in=_UNDER_WAY).exists():
            return True
        return any(outcomes.awaits_reading_back(line.item.field) for line in self.decided)

    @property
    def offers_more(self) -> bool:
        """Whether something can be undone, or frozen again."""
        return self.run is not None and bool(self.can_be_undone or (self.refused and not self.is_working))

    @property
    def word(self) -> str:
        """approved or rejected, once it is known."""
        return Outcome(self.run.outcome).label.lower() if self.run else ""

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """How many items ended how."""
        rows = self.row.items.order_by().values_list("result").annotate(number=Count("pk"))
        return dict(rows)

    @property
    def taken(self) -> int:
        return self.counts.get(Result.TAKEN, 0)

    @property
    def refused(self) -> int:
        return self.counts.get(Result.REFUSED, 0)

    @property
    def done(self) -> int:
        """Items that need no more work."""
        return self.taken + self.refused

    @cached_property
    def can_be_undone(self) -> int:
        """Decisions that are on no way to the CRM yet."""
        return self.row.items.filter(result=Result.TAKEN, decision__state=DecisionState.OPEN).count()

    @cached_property
    def undone(self) -> int:
        return self.row.items.filter(result=Result.TAKEN, decision__state=DecisionState.UNDONE).count()

    @cached_property
    def lines(self) -> list[Line]:
        """Return what the question is about, or examples of it; first what needs a look."""
        return self._lines(self.row.items.filter(is_example=True) if self.shows_examples else self.row.items.all())

    @property
    def record_ids(self) -> list[UUID]:
        """Return the edits whose fields are shown, each once."""
        return list(dict.fromkeys(line.item.field.record_id for line in self.lines))

    @property
    def read_at(self) -> datetime | None:
        """Return when the CRM's values of what is shown were read; None while one of them never was."""
        fields = [line.item.field for line in self.lines]
        times = [field.crm_now_read_at for field in fields if field.is_undecided]
        known = [time for time in times if time is not None]
        return min(known) if known and len(known) == len(times) else None

    @cached_property
    def _concerns(self) -> list[list[str]]:
        return [item.concern_codes for item in self.row.items.exclude(concerns="").only("concerns")]

    @property
    def suspicious(self) -> int:
        """Return how many fields need a look, those that are left out included."""
        return len(self._concerns)

    @property
    def suspicions(self) -> str:
        """Return why they need a look, counted by reason."""
        return summarize(self._concerns)

    @property
    def omitted(self) -> int:
        """Return how many fields are left out because their value changed in the CRM."""
        return self.counts.get(Result.OMITTED, 0)

    @cached_property
    def left_out(self) -> list[Line]:
        """Return the fields that are left out."""
        return self._lines(self.row.items.filter(result=Result.OMITTED))

    @cached_property
    def left(self) -> list[Line]:
        """What was not decided."""
        return self._lines(self.row.items.filter(result=Result.REFUSED))

    @cached_property
    def decided(self) -> list[Line]:
        """What was decided, each with what it became since."""
        newest_first = Decision.objects.select_related("decided_by", "rule", "delivery").order_by("-version")
        items = self.row.items.filter(result=Result.TAKEN)
        lines = self._lines(items.prefetch_related(Prefetch("field__decisions", newest_first)))
        held = holds.cached_reason()
        return [replace(line, became=outcomes.state(line.item.field, person=self.person, held=held)) for line in lines]

    def _lines(self, items: QuerySet[SelectionItem]) -> list[Line]:
        known: dict[str, Mapping[str, Column]] = {}
        found = []
        suspicious_first = Case(When(concerns="", then=1), default=0)
        for item in items.select_related("field__record").order_by(suspicious_first, "position")[:MOST_SHOWN]:
            table = item.field.record.target_table
            known.setdefault(table, columns.of_table(table))
            column = known[table].get(item.field.column_name)
            label = column.label if column else item.field.column_name
            now = values.diff_live_value(item.field, column) if _is_because_of_crm(item, column) else None
            found.append(Line(item, label, values.diff_field(item.field, column), item.why, crm_now=now))
        return found


def _is_because_of_crm(item: SelectionItem, column: Column | None) -> bool:
    if item.result == Result.REFUSED:
        return item.field.is_undecided and changed_in_crm(item.field, column)
    return item.result == Result.OMITTED
