"""Reviewer notifications: new edits by preference, one reminder of overdue edits, outcomes for editors."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db.models import F
from django.utils import timezone

from syncapp import preferences
from syncapp.mirror.edits import arrivals
from syncapp.models import Arrival, Message, MirrorCursor, Person, SyncField, SyncRecord
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.outbox import MessageKind
from syncapp.models.person import Role
from syncapp.models.review.decision import DecisionState
from syncapp.review import notification_rules
from tests.support import people, scenes
from tests.support.factories import make_editor, make_field, make_record
from tests.support.failing_statements import failing

pytestmark = pytest.mark.django_db
MONDAY = datetime.fromisoformat("2026-11-23T09:00:00+00:00")
Notify = Person.Notify


def reviewer(name: str = "Rita", notify: str = Notify.AT_ONCE, **columns: Any) -> Person:
    """Return a person who was notified of all edits so far."""
    return people.make_person(name, Role.REVIEWER, notify=notify, notified_until=0, **columns)


def pass_time(clock: time_machine.Traveller, span: timedelta) -> None:
    """Let time pass on this host, and simulate it in the database, whose clock tests cannot set."""
    clock.shift(span)
    Arrival.objects.update(at=F("at") - span)


def make_arrivals(count: int = 1, **columns: Any) -> list[SyncRecord]:
    """Create new edits with their arrivals."""
    records = [make_record(f"Contact {number}", **columns) for number in range(count)]
    for record in records:
        make_field(record)
    arrivals.record([record.pk for record in records])
    return records


def made(kind: MessageKind | None = None) -> list[Message]:
    rows = Message.objects.order_by("created_at").select_related("recipient")
    return list(rows.filter(kind=kind) if kind else rows)


def kinds() -> list[str]:
    return [message.kind for message in made()]


def test_one_pull_sends_one_mail_per_reviewer() -> None:
    rita, rob = reviewer("Rita"), reviewer("Rob")
    make_arrivals(3)

    assert notification_rules.notify_new_edits() == 2

    assert {message.recipient for message in made(MessageKind.NEW_EDITS)} == {rita, rob}


def test_edit_is_mailed_once() -> None:
    reviewer()
    make_arrivals()
    notification_rules.notify_new_edits()

    assert notification_rules.notify_new_edits() == 0
    assert len(made()) == 1


def test_only_active_reviewers_are_notified() -> None:
    people.vera()
    people.fred()
    reviewer("Rob", is_active=False)
    make_arrivals()

    assert notification_rules.notify_new_edits() == 0


def test_own_edit_is_not_mailed() -> None:
    rita, rob = reviewer("Rita"), reviewer("Rob")
    make_arrivals(editor=make_editor("Rita", entra_id=rita.oid))

    notification_rules.notify_new_edits()

    assert [message.recipient for message in made()] == [rob]


def test_mail_waits_a_minute_for_unread_editor() -> None:
    reviewer()
    editor = make_editor()
    make_arrivals(editor=editor)
    editor.delete()

    assert notification_rules.notify_new_edits() == 0
    Arrival.objects.update(at=timezone.now() - timedelta(seconds=90))
    assert notification_rules.notify_new_edits() == 1


def test_new_reviewer_gets_no_mail_about_old_edits() -> None:
    make_arrivals(2)
    people.rita()
    notification_rules.notify_new_edits()
    assert kinds() == []

    make_arrivals()
    notification_rules.notify_new_edits()

    assert kinds() == ["new_edits"]


def test_first_mail_covers_only_edits_since_sign_in() -> None:
    make_arrivals(2)
    rita = people.make_person("Rita", Role.REVIEWER, signed_in_at=timezone.now())
    make_arrivals(1)

    notification_rules.notify_new_edits()

    assert notification_rules.arrivals_for(rita, **made()[0].details).count() == 1


def test_first_edit_ever_is_mailed() -> None:
    people.rita()
    notification_rules.notify_new_edits()
    make_arrivals()

    assert notification_rules.notify_new_edits() == 1


def test_edits_received_with_mails_off_are_never_mailed() -> None:
    rita = reviewer(notify=Notify.OFF)
    make_arrivals(2)
    notification_rules.notify_new_edits()
    Person.objects.filter(pk=rita.pk).update(notify=Notify.AT_ONCE)

    assert notification_rules.notify_new_edits() == 0


def test_decided_edits_are_not_mailed() -> None:
    reviewer()
    (record,) = make_arrivals()
    scenes.approved(record.fields.get(), by=people.rob())

    assert notification_rules.notify_new_edits() == 0


def test_flood_becomes_hourly_digest() -> None:
    reviewer()
    with time_machine.travel(MONDAY, tick=False) as clock:
        make_arrivals(21)
        notification_rules.notify_new_edits()
        for _ in range(5):
            pass_time(clock, timedelta(minutes=5))
            make_arrivals(15)
            notification_rules.notify_new_edits()

    assert kinds() == ["digest"]


def test_twenty_edits_are_mailed_at_once() -> None:
    reviewer()
    make_arrivals(20)

    notification_rules.notify_new_edits()

    assert kinds() == ["new_edits"]


def test_immediate_mails_resume_after_flood() -> None:
    reviewer()
    with time_machine.travel(MONDAY, tick=False) as clock:
        make_arrivals(21)
        notification_rules.notify_new_edits()
        pass_time(clock, timedelta(minutes=11))
        make_arrivals()
        notification_rules.notify_new_edits()

    assert kinds() == ["digest", "new_edits"]


def test_hourly_digest_collects_for_an_hour() -> None:
    rita = reviewer(notify=Notify.HOURLY)
    with time_machine.travel(MONDAY, tick=False) as clock:
        make_arrivals()
        notification_rules.notify_new_edits()
        Message.objects.update(created_at=timezone.now())
        clock.shift(timedelta(minutes=30))
        make_arrivals(2)
        assert notification_rules.notify_new_edits() == 0
        clock.shift(timedelta(minutes=31))
        assert notification_rules.notify_new_edits() == 1

    details = made(MessageKind.DIGEST)[-1].details
    assert notification_rules.arrivals_for(rita, **details).count() == 2


def test_daily_digest_is_sent_once_in_local_morning() -> None:
    reviewer(notify=Notify.DAILY, time_zone="Asia/Tokyo")
    with time_machine.travel(MONDAY.replace(hour=20), tick=False) as clock:  # 5 o'clock on Tuesday in Tokyo
        make_arrivals()
        assert notification_rules.notify_new_edits() == 0
        clock.shift(timedelta(hours=2))
        assert notification_rules.notify_new_edits() == 1
        Message.objects.update(created_at=timezone.now())
        make_arrivals()
        clock.shift(timedelta(hours=5))
        assert notification_rules.notify_new_edits() == 0
        clock.shift(timedelta(hours=20))
        assert notification_rules.notify_new_edits() == 1


def test_absent_reviewer_is_not_notified() -> None:
    reviewer(absent_until=timezone.localdate())
    make_arrivals()

    assert notification_rules.notify_new_edits() == 0


def test_backlog_edits_are_never_mailed() -> None:
    reviewer()
    preferences.change(by=None, backlog=True)
    make_arrivals(3)
    notification_rules.notify_new_edits()
    assert notification_rules.send_reminders() == 0

    preferences.change(by=None, backlog=False)

    assert notification_rules.notify_new_edits() == 0


def test_large_first_read_starts_backlog_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "MIN_BACKLOG", 3)
    make_arrivals(2)
    arrivals.start_backlog("records")
    assert not preferences.read().backlog

    make_arrivals(1)
    arrivals.start_backlog("records")

    assert preferences.read().backlog


def test_nightly_full_read_is_not_the_first_read() -> None:
    first = MirrorCursor(table="records", is_full_read=True)
    nightly = MirrorCursor(table="records", is_full_read=True, full_read_at=timezone.now())

    assert arrivals.is_first_read(first)
    assert not arrivals.is_first_read(nightly)


def test_nightly_cleanup_causes_no_new_mails() -> None:
    reviewer()
    old, _ = make_arrivals(2)
    notification_rules.notify_new_edits()
    Arrival.objects.filter(record=old).update(at=timezone.now() - timedelta(days=15))
    Message.objects.update(state="done", finished_at=timezone.now() - timedelta(days=91))

    notification_rules.delete_old()

    assert (Arrival.objects.count(), Message.objects.count()) == (1, 0)
    assert notification_rules.notify_new_edits() == 0


def overdue(count: int = 1, **columns: Any) -> list[SyncRecord]:
    since = timezone.now() - timedelta(hours=49)
    records = [make_record(f"Old {number}", edited_on=since, **columns) for number in range(count)]
    for record in records:
        make_field(record)
    return records


def test_overdue_edits_share_one_reminder() -> None:
    reviewer("Rita")
    reviewer("Rob")
    late = overdue(3)
    make_field(make_record("Young", edited_on=timezone.now()))

    assert notification_rules.send_reminders() == 2
    assert notification_rules.send_reminders() == 0

    details = made(MessageKind.OVERDUE)[0].details
    assert details == {"records": [str(pk) for pk in sorted(record.pk for record in late)], "count": 3}


def test_reminders_are_sent_at_most_hourly() -> None:
    reviewer()
    overdue()
    notification_rules.send_reminders()
    overdue()

    assert notification_rules.send_reminders() == 0


def test_assigned_edit_reminds_only_assignee() -> None:
    rita, _ = reviewer("Rita"), reviewer("Rob")
    overdue(assigned_to=rita)

    notification_rules.send_reminders()

    assert [message.recipient for message in made()] == [rita]


def test_reminder_goes_to_deputy_of_absent_person() -> None:
    rob = reviewer("Rob")
    rita = reviewer("Rita", absent_until=timezone.localdate(), deputy=rob)
    overdue(assigned_to=rita)

    notification_rules.send_reminders()

    assert [message.recipient for message in made()] == [rob]


def test_parked_edit_sends_no_reminder() -> None:
    reviewer()
    overdue(parked_until=timezone.localdate() + timedelta(days=1))

    assert notification_rules.send_reminders() == 0


def test_own_edit_sends_no_reminder() -> None:
    rita = reviewer("Rita")
    overdue(editor=make_editor("Rita", entra_id=rita.oid))

    assert notification_rules.send_reminders() == 0


def decided(*, address: str = "jonas@contoso.example", disabled: bool = False) -> SyncField:
    field = make_field(make_record(editor=make_editor(address=address, is_disabled=disabled)))
    scenes.finished(scenes.rejected(field, by=people.rita(), reason_code="crm_only"), DecisionState.WRITTEN)
    return field


def test_editor_is_notified_once_when_enabled() -> None:
    preferences.change(by=None, tell_editors=True)
    field = decided()

    assert notification_rules.notify_editors([field.record_id]) == 1
    assert notification_rules.notify_editors([field.record_id]) == 0

    (message,) = made()
    assert (message.kind, message.address, message.record_id) == ("outcome", "jonas@contoso.example", field.record_id)


@pytest.mark.parametrize("columns", [{"address": ""}, {"disabled": True}])
def test_unreachable_editor_is_not_notified(columns: dict[str, Any]) -> None:
    preferences.change(by=None, tell_editors=True)

    assert notification_rules.notify_editors([decided(**columns).record_id]) == 0


def test_edit_without_editor_notifies_only_reviewers() -> None:
    preferences.change(by=None, tell_editors=True)
    field = decided()
    SyncRecord.objects.update(editor_id=None)

    assert notification_rules.notify_editors([field.record_id]) == 0
    rita = reviewer("Rita")
    make_arrivals()
    SyncRecord.objects.update(editor_id=None)
    notification_rules.notify_new_edits()
    assert [message.recipient for message in made()] == [rita]


def test_editors_are_not_notified_by_default() -> None:
    assert notification_rules.notify_editors([decided().record_id]) == 0


def test_withdrawn_edit_sends_no_outcome() -> None:
    preferences.change(by=None, tell_editors=True)
    field = make_field(make_record(editor=make_editor(address="jonas@contoso.example")))
    scenes.move(field, decision=FieldDecision.WITHDRAWN, delivery=FieldDelivery.NONE)

    assert notification_rules.notify_editors([field.record_id]) == 0


def test_failed_notification_does_not_stop_others() -> None:
    rita, rob = reviewer("Rita"), reviewer("Rob")
    make_arrivals()

    with failing("INSERT INTO", Message, rita.pk):
        assert notification_rules.notify_new_edits() == 1

    assert [message.recipient for message in made()] == [rob]
    rita.refresh_from_db()
    assert rita.notified_until == 0
