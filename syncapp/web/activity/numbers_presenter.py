"""The panels of the numbers page: each has a title, a chart whose bars are links, and a table that can be exported."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

from syncapp.activity import daily, numbers
from syncapp.activity.numbers import MAX_ROWS, MAX_WAITING, Share, Waiting, Week
from syncapp.mirror import columns
from syncapp.models.activity import Measure
from syncapp.review.queue.criteria import Age
from syncapp.text import localization
from syncapp.text.localization import number as number_words
from syncapp.web.base import charts, times
from syncapp.web.base.charts import Columns, Group, Row

WEEK_CHOICES = (4, 12, 26, 52)
DEFAULT_WEEKS = 12
REJECTED = "field.review.rejected"
_AGES = {
    None: "all waiting",
    Age.DAY: "more than 1 day",
    Age.OVERDUE: "overdue",
    Age.WEEK: "more than 7 days",
    Age.MONTH: "more than 30 days",
}
_FAILURES = (
    (Measure.CONFLICT, "conflicts", "field.delivery.conflict"),
    (Measure.FAILED, "not written", "field.delivery.failed"),
    (Measure.PUT_BACK, "put back", "field.put_back.rejected"),
)


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart with its table. `if_empty` explains an empty chart, `note` helps to read it."""

    name: str
    title: str
    headers: tuple[str, ...]
    cells: Sequence[tuple[object, ...]]
    columns: Columns | None = None
    rows: Sequence[Row] = field(default=())
    if_empty: str = ""
    note: str = ""
    is_live: bool = False

    @property
    def is_empty(self) -> bool:
        """Return whether there is nothing to draw."""
        return bool(self.if_empty)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number at the top of the page, and its link."""

    number: str
    key: str
    hint: str
    address: str = ""


class NumbersView:
    """The numbers of one request, each computed at most once, and only if it is used."""

    def __init__(self, weeks: str) -> None:
        self.number = int(weeks) if weeks in {str(known) for known in WEEK_CHOICES} else DEFAULT_WEEKS
        self.query = f"?weeks={self.number}"
        self.now = timezone.now()

    @property
    def periods(self) -> list[tuple[str, str, bool]]:
        """Return the periods to select from: address, label, whether it is selected."""
        return [(f"?weeks={known}", f"{known} weeks", known == self.number) for known in WEEK_CHOICES]

    @cached_property
    def counted_at(self) -> datetime | None:
        return daily.counted_at()

    @cached_property
    def weeks(self) -> list[Week]:
        return numbers.weeks(self.number)

    @property
    def since(self) -> date:
        return self.weeks[0].first

    @cached_property
    def waiting(self) -> Waiting:
        return numbers.waiting(now=self.now)

    @property
    def figures(self) -> list[Figure]:
        """Return the numbers at the top of the page."""
        now, week = self.waiting, self.weeks[-1]
        this_week, queue = f"since {_day_label(week.first)}", reverse("queue")
        decided = _week_address(week, area="decision")
        found = [
            Figure(_capped(now.total), f"edit{'' if now.total == 1 else 's'} waiting", "now", queue),
            Figure(_span(now.greatest_age), "longest wait", "now", f"{queue}?order=oldest"),
            Figure(_span(now.median), "median wait", "now", queue),
            Figure(f"{number_words(week.counts[Measure.RECEIVED])}", "fields received", this_week),
            Figure(f"{number_words(week.decided)}", "fields decided", this_week, decided),
            Figure(_span(week.median), "median time to decision", this_week, decided),
        ]
        if live := numbers.live_times(week.first):
            found.append(Figure(_span(live.median), "median time in the CRM before restore", this_week))
            found.append(Figure(_span(live.longest), "longest time in the CRM before restore", this_week))
        return found

    @cached_property
    def panels(self) -> list[Panel]:
        return [make(self) for make in PANELS.values()]


def panel(view: NumbersView, name: str) -> Panel | None:
    """Return a panel by its name."""
    make = PANELS.get(name)
    return make(view) if make else None


def _received_and_decided(view: NumbersView) -> Panel:
    found = [(week, week.counts[Measure.RECEIVED], week.decided) for week in view.weeks]
    groups = [
        Group(
            _day_label(week.first),
            (received, decided),
            f"Week of {_day_label(week.first)}: {number_words(received)} received, {number_words(decided)} decided",
            _week_address(week, area="decision"),
        )
        for week, received, decided in found
    ]
    return Panel(
        "weeks",
        "Received and decided, by week",
        ("Week from", "Received", "Approved", "Rejected", "Superseded", "Withdrawn"),
        [(week.first, *(week.counts[measure] for measure in _WEEKLY_MEASURES)) for week in view.weeks],
        charts.columns(groups, ("received", "decided")),
        if_empty=""
        if any(received or decided for _, received, decided in found)
        else "No edits arrived in these weeks.",
        note="Fields, not contacts. Select a bar to see the week’s decisions.",
    )


_WEEKLY_MEASURES = (Measure.RECEIVED, Measure.APPROVED, Measure.REJECTED, Measure.SUPERSEDED, Measure.WITHDRAWN)


def _waiting(view: NumbersView) -> Panel:
    now = view.waiting
    found = [(words, now.counts[age], age) for age, words in _AGES.items()]
    queue = reverse("queue")
    bars = [(words, float(n), _capped(n), queue + (f"?age={age}" if age else "")) for words, n, age in found]
    return Panel(
        "waiting",
        "Waiting now, by age",
        ("Waiting for", "Edits"),
        [(words, _capped(number)) for words, number, _ in found],
        rows=charts.rows(bars),
        if_empty=""
        if now.total
        else "Nothing is waiting. Edits made in Outlook are counted here until they are decided.",
        note=f"Each edit counts once, with all its fields. The oldest has waited {_span(now.greatest_age)}."
        if now.total
        else "",
        is_live=True,
    )


def _ages(view: NumbersView) -> Panel:
    groups = [
        Group(
            _day_label(week.first),
            ((week.median or 0.0),),
            f"Week of {_day_label(week.first)}: "
            f"half decided within {_span(week.median)}, the last after {_longest_wait(week)}",
            _week_address(week, area="decision"),
        )
        for week in view.weeks
    ]
    unit, step = ("h", 3600.0) if max(each.values[0] for each in groups) < 3 * 86400 else (" d", 86400.0)
    return Panel(
        "ages",
        "Time to decision, by week",
        ("Week from", "Decided", "Median", "Longest"),
        [(week.first, week.decided, _span(week.median), _longest_wait(week)) for week in view.weeks],
        charts.columns(groups, ("median",), unit=unit, step=step),
        if_empty="" if any(week.median for week in view.weeks) else "Nothing was decided in these weeks.",
        note="From the edit in Outlook to the decision. The median is accurate to within 10%.",
    )


def _failures(view: NumbersView) -> Panel:
    names = tuple(name for _, name, _ in _FAILURES)
    found = [(week, tuple(week.counts[measure] for measure, _, _ in _FAILURES)) for week in view.weeks]
    groups = [
        Group(
            _day_label(week.first),
            tuple(map(float, counts)),
            f"Week of {_day_label(week.first)}: "
            + ", ".join(f"{n} {name}" for n, name in zip(counts, names, strict=True)),
            _week_address(week),
        )
        for week, counts in found
    ]
    return Panel(
        "troubles",
        "Conflicts, failed writes and old values put back, by week",
        ("Week from", *(name.capitalize() for name in names)),
        [(week.first, *counts) for week, counts in found],
        charts.columns(groups, names),
        if_empty="" if any(any(counts) for _, counts in found) else "None in these weeks.",
    )


def _rejected(subject: str, shares: Sequence[Share], since: date) -> Panel:
    drawn = [each for each in shares if each.rejected][:MAX_ROWS]
    bars = [
        (
            each.name,
            float(each.rejected),
            f"{number_words(each.rejected)} of {number_words(each.decided)}, {_percent(each)}%",
            _activity_address(what=REJECTED, **{"from": since, subject: each.key}),
        )
        for each in drawn
    ]
    more = sum(1 for each in shares if each.rejected) - len(drawn)
    return Panel(
        f"{subject}s",
        f"Rejected, by {subject}",
        (subject.capitalize(), "Decided", "Rejected", "Rejected, %"),
        [(each.name, each.decided, each.rejected, _percent(each)) for each in shares],
        rows=charts.rows(bars),
        if_empty="" if drawn else "Nothing was rejected in these weeks.",
        note=f"{more} more in the table." if more > 0 else "",
    )


PANELS: Mapping[str, Callable[[NumbersView], Panel]] = {
    "weeks": _received_and_decided,
    "waiting": _waiting,
    "fields": lambda view: _rejected(
        "field", numbers.rejected_by_column(view.since, names=columns.labels("contact")), view.since
    ),
    "editors": lambda view: _rejected("editor", numbers.rejected_by_editor(view.since), view.since),
    "ages": _ages,
    "troubles": _failures,
}


def _percent(each: Share) -> str:
    return "" if each.percent is None else f"{each.percent:.0f}"


def _week_address(week: Week, **filters: str) -> str:
    return _activity_address(**filters, **{"from": week.first, "to": week.last})


def _activity_address(**filters: object) -> str:
    return reverse("activity") + "?" + urlencode({name: value for name, value in filters.items() if value})


def _day_label(day: date) -> str:
    return localization.day_and_month(day)


def _span(seconds: float | None) -> str:
    return "–" if seconds is None else times.span(seconds)


def _longest_wait(week: Week) -> str:
    return _span(float(week.greatest_age) if week.steps else None)


def _capped(number: int) -> str:
    return f"{number_words(MAX_WAITING)}+" if number > MAX_WAITING else number_words(number)
