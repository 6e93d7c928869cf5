"""Daily counts and the figures derived from them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import F
from django.utils import timezone
from pytest_django import Settings

from syncapp import audit, preferences
from syncapp.activity import daily, numbers
from syncapp.models import AuditEntry, DailyCount, Heartbeat, MirrorCursor, SyncRecord
from syncapp.models.activity import Measure, Part
from syncapp.review import decisions
from syncapp.review.queue.criteria import Age
from tests.support import scenes
from tests.support.factories import make_editor, make_field, make_record
from tests.support.people import rita

pytestmark = pytest.mark.django_db
TODAY = datetime.now(UTC).date()


@pytest.fixture(autouse=True)
def count_at_once(settings: Settings) -> None:
    settings.NUMBERS_SECONDS = 0


def edited(hours_ago: float = 2, column: str = "jobtitle", **values: object):
    return make_field(make_record(edited_on=timezone.now() - timedelta(hours=hours_ago), **values), column)


def counted(measure: Measure, part: Part = Part.COLUMN) -> dict[str, int]:
    return dict(DailyCount.objects.filter(measure=measure, part=part).values_list("key", "number"))


def test_received_fields_are_counted_in_every_state():
    editor = make_editor("Jonas")
    edited(editor=editor)
    scenes.approved(edited(column="fax", editor=editor), by=rita())
    scenes.failed(scenes.approved(edited(column="fax", editor=editor), by=rita()))
    scenes.finished(scenes.rejected(edited(column="fax", editor=editor), by=rita()))

    daily.update_counts()

    assert counted(Measure.RECEIVED) == {"jobtitle": 1, "fax": 3}
    assert counted(Measure.RECEIVED, Part.EDITOR) == {str(editor.pk): 4}


def test_decisions_are_counted_unless_they_were_undone():
    scenes.approved(edited(), by=rita())
    scenes.rejected(edited(), by=rita())
    undone = scenes.rejected(edited(), by=rita())
    decisions.undo(undone.pk, by=rita())

    daily.update_counts()

    assert (counted(Measure.APPROVED), counted(Measure.REJECTED)) == ({"jobtitle": 1}, {"jobtitle": 1})


def test_counting_twice_changes_nothing():
    scenes.approved(edited(), by=rita())
    daily.update_counts()
    before = list(DailyCount.objects.order_by("measure", "part", "key").values_list("measure", "key", "number"))

    daily.update_counts()

    after = list(DailyCount.objects.order_by("measure", "part", "key").values_list("measure", "key", "number"))
    assert after == before != []


def test_full_read_recounts_all_days():
    daily.update_counts()
    edited(hours_ago=24 * 10)

    daily.update_counts()
    assert counted(Measure.RECEIVED) == {}

    MirrorCursor.objects.create(table="t", full_read_at=timezone.now() + timedelta(seconds=1))
    daily.update_counts()
    assert counted(Measure.RECEIVED) == {"jobtitle": 1}


def test_interrupted_count_resumes():
    for days in (5, 20):
        edited(hours_ago=24 * days)

    assert daily.update_counts(seconds=0) == daily.LAST_DAYS
    assert counted(Measure.RECEIVED) == {}

    daily.update_counts()
    assert DailyCount.objects.filter(measure=Measure.RECEIVED, part=Part.COLUMN).count() == 2
    assert daily.update_counts() == daily.LAST_DAYS


def test_only_one_of_two_schedulers_counts(settings: Settings):
    settings.NUMBERS_SECONDS = 60

    assert (daily.update_counts() > 0, daily.update_counts()) == (True, 0)


def test_undated_edit_is_not_counted():
    make_field(make_record(edited_on=None))

    daily.update_counts()

    assert counted(Measure.RECEIVED) == {}


def test_week_has_counts_and_median_age():
    for hours in (1, 2, 30):
        scenes.approved(edited(hours_ago=hours), by=rita())
    audit.record("field.delivery.conflict", by=None, channel="worker", column="fax")
    daily.update_counts()

    week = numbers.weeks(4)[-1]

    assert (week.decided, week.counts[Measure.CONFLICT]) == (3, 1)
    assert week.median == pytest.approx(2 * 3600, rel=0.1)
    assert week.greatest_age == pytest.approx(30 * 3600, abs=5)


def test_empty_weeks_have_no_median():
    weeks = numbers.weeks(12)

    assert [week.first.weekday() for week in weeks] == [0] * 12
    assert {week.median for week in weeks} == {None}
    assert weeks[-1].first <= TODAY <= weeks[-1].last


def test_events_before_the_period_are_left_out():
    entry = audit.record("field.delivery.conflict", by=None, channel="worker")
    AuditEntry.objects.filter(pk=entry.pk).update(at=F("at") - timedelta(weeks=6))
    daily.update_counts()

    assert sum(week.counts[Measure.CONFLICT] for week in numbers.weeks(4)) == 0
    assert sum(week.counts[Measure.CONFLICT] for week in numbers.weeks(12)) == 1


def test_most_rejected_field_comes_first():
    for column, rejected, approved in (("fax", 1, 0), ("jobtitle", 3, 1)):
        for _ in range(rejected):
            scenes.rejected(edited(column=column), by=rita())
        for _ in range(approved):
            scenes.approved(edited(column=column), by=rita())
    daily.update_counts()

    found = numbers.rejected_by_column(TODAY - timedelta(days=7), names={"jobtitle": "Job Title"})

    assert [(each.name, each.rejected, each.percent) for each in found] == [("Job Title", 3, 75.0), ("fax", 1, 100.0)]


def test_unknown_editors_are_listed():
    scenes.rejected(edited(editor=make_editor("Jonas")), by=rita())
    without_editor = edited()
    scenes.rejected(without_editor, by=rita())
    SyncRecord.objects.filter(pk=without_editor.record_id).update(editor_id=None)
    daily.update_counts()

    names = {each.name for each in numbers.rejected_by_editor(TODAY - timedelta(days=7))}

    assert names == {"Jonas", "Unknown editor"}


def test_waiting_edits_are_counted_by_age():
    now = timezone.now()
    for hours in (1, 30, 50, 24 * 9, 24 * 40):
        edited(hours_ago=hours)

    waiting = numbers.waiting(now=now)

    assert list(waiting.counts.values()) == [5, 4, 3, 2, 1]
    assert waiting.median == pytest.approx(50 * 3600, abs=5)
    assert waiting.greatest_age == pytest.approx(24 * 40 * 3600, abs=5)


def test_backlog_mode_has_nothing_overdue():
    preferences.change(by=None, backlog=True)
    edited(hours_ago=24 * 8)

    counts = numbers.waiting(now=timezone.now()).counts

    assert (counts[Age.WEEK], counts[Age.OVERDUE]) == (1, 0)


def test_empty_queue_has_no_ages():
    waiting = numbers.waiting(now=timezone.now())

    assert (waiting.total, waiting.median, waiting.greatest_age) == (0, None, None)
    assert set(waiting.counts) == {None, Age.DAY, Age.OVERDUE, Age.WEEK, Age.MONTH}


def test_very_long_queue_has_no_median(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(numbers, "MAX_WAITING", 2)
    for _ in range(4):
        edited()

    waiting = numbers.waiting(now=timezone.now())

    assert (waiting.total, waiting.median) == (3, None)
    assert waiting.greatest_age is not None


@pytest.mark.parametrize("seconds", [0, 61, 3600, 86400 * 3, 86400 * 300])
def test_stored_ages_are_accurate_within_ten_percent(seconds):
    assert daily.seconds_of(daily.step_of(seconds)) == pytest.approx(max(seconds, 66), rel=0.1)


def test_time_of_count_is_kept():
    assert daily.counted_at() is None

    daily.update_counts()

    assert daily.counted_at() == Heartbeat.objects.get(name=daily.COUNTED).answered_at


def test_recognized_decisions_count_on_their_day():
    field, other = edited(hours_ago=24 * 12), edited(column="fax")
    daily.update_counts()
    scenes.found_after_restore(field, decided_on=timezone.now() - timedelta(days=10))
    scenes.found_after_restore(other, "rejected")

    daily.update_counts()

    approved = DailyCount.objects.get(measure=Measure.APPROVED, part=Part.COLUMN)
    assert (approved.day, approved.key, approved.number) == (TODAY - timedelta(days=10), "jobtitle", 1)
    assert counted(Measure.REJECTED) == {"fax": 1}
    oldest = DailyCount.objects.get(measure=Measure.OLDEST, day=TODAY - timedelta(days=10))
    assert oldest.number == pytest.approx(2 * 86400, abs=60)
