"""The tasks that no journey waits for: the nightly repair."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from syncapp import tasks
from syncapp.mirror import changes, cursors
from syncapp.models import MirrorCursor, Pulse, SyncRecord
from tests.factories import make_field

pytestmark = pytest.mark.django_db


@pytest.fixture
def a_day_later() -> None:
    tasks.nightly()
    Pulse.objects.update(answered_at=timezone.now() - timedelta(days=1))


def test_the_first_day_does_nothing_since_the_first_pull_reads_everything_anyway():
    tasks.nightly()

    assert not MirrorCursor.objects.exists()


@pytest.mark.usefixtures("a_day_later")
def test_every_night_everything_is_read_again():
    tasks.nightly()

    assert set(MirrorCursor.objects.values_list("table", "generation", "is_full_read")) == {
        (changes.FIELDS, 1, True),
        (changes.RECORDS, 1, True),
    }


@pytest.mark.usefixtures("a_day_later")
def test_two_schedulers_make_one_night():
    tasks.nightly()
    tasks.nightly()

    assert set(MirrorCursor.objects.values_list("generation", flat=True)) == {1}


@pytest.mark.usefixtures("a_day_later")
def test_a_table_that_somebody_reads_at_that_moment_is_read_again_later_that_night():
    reader = cursors.take(changes.FIELDS)
    tasks.nightly()
    assert set(MirrorCursor.objects.values_list("table", "generation")) == {(changes.FIELDS, 0), (changes.RECORDS, 1)}

    cursors.release(reader)
    tasks.nightly()

    assert set(MirrorCursor.objects.values_list("table", "generation")) == {(changes.FIELDS, 1), (changes.RECORDS, 1)}


@pytest.mark.usefixtures("a_day_later")
def test_wrong_counts_are_repaired():
    field = make_field()
    SyncRecord.objects.update(waiting_count=7)

    tasks.nightly()

    field.record.refresh_from_db()
    assert field.record.waiting_count == 1


@pytest.mark.usefixtures("a_day_later")
def test_sessions_that_are_over_are_forgotten():
    now = timezone.now()
    Session.objects.create(session_key="over", session_data="", expire_date=now - timedelta(hours=1))
    Session.objects.create(session_key="running", session_data="", expire_date=now + timedelta(hours=1))

    tasks.nightly()

    assert [session.pk for session in Session.objects.all()] == ["running"]
