"""The figures of the numbers page: past weeks from the daily counts, waiting edits from the queue itself."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.db.models import Count, Sum

from syncapp.activity import daily
from syncapp.capture import observation
from syncapp.models import CrmUser, DailyCount
from syncapp.models.activity import Measure, Part
from syncapp.models.folding import search_key
from syncapp.models.mirror.sync_record import SyncRecordQuerySet
from syncapp.review.queue import reads
from syncapp.review.queue.criteria import Age, Tab, age_condition
from syncapp.text.ids import parse_uuid

MAX_WAITING = 20_000
MAX_ROWS = 12
WAITING_AGES = (Age.DAY, Age.OVERDUE, Age.WEEK, Age.MONTH)


@dataclass(slots=True)
class Week:
    """The counts of one week, which begins on a Monday (UTC)."""

    first: date
    counts: Counter[str] = field(default_factory=Counter)
    steps: Counter[int] = field(default_factory=Counter)
    greatest_age: int = 0

    @property
    def last(self) -> date:
        return self.first + timedelta(days=6)

    @property
    def decided(self) -> int:
        return self.counts[Measure.APPROVED] + self.counts[Measure.REJECTED]

    @property
    def median(self) -> float | None:
        """Return the median age in seconds at decision; None if there were no decisions."""
        return median(self.steps)


@dataclass(frozen=True, slots=True)
class Share:
    """The decided and rejected fields of one column or one editor."""

    key: str
    name: str
    decided: int
    rejected: int

    @property
    def percent(self) -> float | None:
        """Return the percentage of decided fields that were rejected; None if none was decided."""
        return 100 * self.rejected / self.decided if self.decided else None


@dataclass(frozen=True, slots=True)
class Waiting:
    """The waiting edits now: their number per minimum age, and the median and the greatest age in seconds."""

    counts: Mapping[Age | None, int]
    median: float | None
    greatest_age: float | None

    @property
    def total(self) -> int:
        return self.counts[None]


@dataclass(frozen=True, slots=True)
class LiveTimes:
    """The median and the longest time in seconds until an original was restored."""

    median: float
    longest: float


def weeks(number: int, *, today: date | None = None) -> list[Week]:
    """Return the last `number` weeks, oldest first, including the current one."""
    monday = _monday(today or datetime.now(UTC).date())
    found = {
        first: Week(first) for first in (monday - timedelta(weeks=weeks_back) for weeks_back in reversed(range(number)))
    }
    rows = DailyCount.objects.filter(day__gte=next(iter(found)), part__in=(Part.COLUMN, Part.STEP))
    by_day = rows.exclude(measure__in=(Measure.AGE, Measure.OLDEST)).values_list("day", "measure")
    for day, measure, counted in by_day.annotate(Sum("number")):
        if week := found.get(_monday(day)):
            week.counts[measure] += counted
    for day, measure, key, counted in rows.filter(part=Part.STEP).values_list("day", "measure", "key", "number"):
        if week := found.get(_monday(day)):
            if measure == Measure.OLDEST:
                week.greatest_age = max(week.greatest_age, counted)
            else:
                week.steps[int(key)] += counted
    return list(found.values())


def live_times(since: date) -> LiveTimes | None:
    """Return how long values from Outlook stayed in the CRM until capture restored the originals; None if none did."""
    first = datetime(since.year, since.month, since.day, tzinfo=UTC)
    found = observation.times_in_crm(since=first)
    if found.median is None or found.worst is None:
        return None
    return LiveTimes(found.median, found.worst.live_seconds or 0.0)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def median(steps: Mapping[int, int]) -> float | None:
    """Return the median in seconds of ages counted by step; None if there are none."""
    middle, passed = (sum(steps.values()) + 1) // 2, 0
    for step in sorted(steps):
        passed += steps[step]
        if passed >= middle > 0:
            return daily.seconds_of(step)
    return None


def rejected_by_column(since: date, *, names: Mapping[str, str]) -> list[Share]:
    """Return decided and rejected fields per column, most rejections first. `names` maps columns to labels."""
    counted = _count_decided(since, Part.COLUMN)
    return _shares({key: (names.get(key, key or "no field"), *numbers) for key, numbers in counted.items()})


def rejected_by_editor(since: date) -> list[Share]:
    """Return decided and rejected fields per editor, most rejections first."""
    counted = _count_decided(since, Part.EDITOR)
    ids: set[UUID] = {found for key in counted if (found := parse_uuid(key)) is not None}
    names = {str(user.pk): user.name for user in CrmUser.objects.filter(pk__in=ids)}
    return _shares({key: (names.get(key) or "Unknown editor", *numbers) for key, numbers in counted.items()})


def _count_decided(since: date, part: Part) -> dict[str, tuple[int, int]]:
    """Return the numbers of decided and of rejected fields, per column or editor."""
    rows = DailyCount.objects.filter(day__gte=since, part=part, measure__in=(Measure.APPROVED, Measure.REJECTED))
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for key, measure, number in rows.values_list("key", "measure").annotate(Sum("number")):
        counted[key][measure] += number
    return {key: (sum(found.values()), found[Measure.REJECTED]) for key, found in counted.items()}


def _shares(counted: Mapping[str, tuple[str, int, int]]) -> list[Share]:
    found = [Share(key, name, decided, rejected) for key, (name, decided, rejected) in counted.items()]
    return sorted(found, key=lambda each: (-each.rejected, -each.decided, search_key(each.name)))


def waiting(*, now: datetime) -> Waiting:
    """Count the waiting edits. Counts stop at MAX_WAITING + 1, beyond which the median is None."""
    # In the order of their index: otherwise PostgreSQL counts editor by editor, and reads rows from all over the disk.
    rows = reads.records_in(Tab.WAITING).order_by("edited_on")
    counts: dict[Age | None, int] = {None: rows[: MAX_WAITING + 1].count()}
    oldest = rows.filter(edited_on__isnull=False)[: MAX_WAITING + 1]
    by_age = oldest.aggregate(**{age.value: Count("pk", filter=age_condition(age)) for age in WAITING_AGES})
    counts |= {age: by_age[age.value] for age in WAITING_AGES}
    is_counted = 0 < counts[None] <= MAX_WAITING
    median_age = _age_at(rows, (counts[None] - 1) // 2, now) if is_counted else None
    return Waiting(counts, median=median_age, greatest_age=_age_at(rows, 0, now))


def _age_at(rows: SyncRecordQuerySet, index: int, now: datetime) -> float | None:
    """Return the age in seconds of the edit at this index, counted from the oldest."""
    dated = rows.filter(edited_on__isnull=False).order_by("edited_on").values_list("edited_on", flat=True)
    edited_on = next(iter(dated[index : index + 1]), None)
    return max((now - edited_on).total_seconds(), 0.0) if edited_on else None
