"""Collaboration: assignment, parking, questions and answers, presence, absence."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.db.models import F
from django.utils import timezone
from pytest_django import Settings

from syncapp.accounts import absence
from syncapp.accounts.errors import BadPerson
from syncapp.models import AuditEntry, Comment, Message, Person, Presence, SyncRecord
from syncapp.models.person import Role
from syncapp.review import collaboration
from syncapp.review.errors import NotPossible
from syncapp.review.queue import reads
from syncapp.review.queue.reads import Tab
from tests.support.factories import make_editor, make_field, make_record
from tests.support.people import ada, fred, make_person, rita, rob, vera

pytestmark = pytest.mark.django_db
TODAY = datetime(2026, 11, 20, 12, tzinfo=UTC)


def in_days(days: int) -> date:
    return timezone.localdate() + timedelta(days=days)


def waiting() -> list[SyncRecord]:
    return list(reads.page(Tab.WAITING, order=reads.Order.OLDEST).records)


def last_action() -> str:
    return AuditEntry.objects.latest("pk").action


def test_edit_is_assigned_and_unassigned():
    record = make_field().record

    assert collaboration.assign(record.pk, to=rob(), by=rita()).assigned_to == rob()
    assert collaboration.assign(record.pk, to=None, by=rita()).assigned_to is None
    assert last_action() == "record.assigned"


def test_assignee_must_be_reviewer():
    with pytest.raises(NotPossible, match="is not a reviewer"):
        collaboration.assign(make_field().record.pk, to=vera(), by=rita())


def test_parked_edit_returns_on_its_day():
    with time_machine.travel(TODAY, tick=False):
        record = make_field().record
        collaboration.park(record.pk, until=in_days(2), by=rita())
        assert (waiting(), list(SyncRecord.objects.parked())) == ([], [record])

    with time_machine.travel(TODAY + timedelta(days=2), tick=False):
        assert (waiting(), list(SyncRecord.objects.parked())) == ([record], [])


def test_unparked_edit_waits_at_once():
    record = make_field().record
    collaboration.park(record.pk, until=in_days(2), by=rita())

    collaboration.unpark(record.pk, by=rob())

    assert waiting() == [record]
    assert last_action() == "record.unparked"


@pytest.mark.parametrize("days", [0, -1, 366])
def test_parking_requires_day_within_next_year(days: int):
    with pytest.raises(NotPossible):
        collaboration.park(make_field().record.pk, until=in_days(days), by=rita())


def test_question_is_answered_by_comment():
    record = make_field().record

    question = collaboration.ask(record.pk, colleague=rob(), text=" Is this right? ", by=rita())
    answer = collaboration.answer(question.pk, text="Yes.", by=rob())

    assert (question.text, question.asked) == ("Is this right?", rob())
    assert list(question.answers.all()) == [answer]
    assert last_action() == "record.answer"


def test_only_others_with_review_access_can_be_asked():
    record = make_field().record

    for person in (fred(), rita()):
        with pytest.raises(NotPossible):
            collaboration.ask(record.pk, colleague=person, text="Is this right?", by=rita())


def test_editor_without_a_role_is_asked_by_mail(settings: Settings):
    settings.MAIL_BACKEND = "smtp"
    record = make_field(make_record(editor=make_editor(address="jonas@contoso.example"))).record

    question = collaboration.ask_editor(record.pk, text=" Is this right? ", by=rita())

    message = Message.objects.get()
    assert (message.kind, message.address, message.recipient) == ("ask_editor", "jonas@contoso.example", None)
    assert (question.text, question.asks_editor, question.asked) == ("Is this right?", True, None)
    entry = AuditEntry.objects.get(action="record.question")
    assert entry.details == {"comment": question.pk, "asked": None, "asks_editor": True}
    assert collaboration.answer(question.pk, text="Yes.", by=rita()).question == question


@pytest.mark.parametrize("obstacle", ["disabled", "no address", "a colleague", "same address", "no mails", "asker"])
def test_editor_who_cannot_be_asked_gets_no_mail(settings: Settings, obstacle: str):
    settings.MAIL_BACKEND = "" if obstacle == "no mails" else "smtp"
    address = "" if obstacle == "no address" else "jonas@contoso.example"
    editor = make_editor(address=address, is_disabled=obstacle == "disabled")
    record = make_field(make_record(editor=editor)).record
    asker = make_person("Rita", Role.REVIEWER, address="" if obstacle == "asker" else "rita@contoso.example")
    if obstacle == "a colleague":
        Person.objects.filter(pk=vera().pk).update(oid=editor.entra_id)
    elif obstacle == "same address":
        make_person("Rita", Role.REVIEWER, address="Jonas@contoso.example")

    with pytest.raises(NotPossible):
        collaboration.ask_editor(record.pk, text="Is this right?", by=asker)

    assert not Message.objects.exists()
    assert not Comment.objects.exists()


@pytest.mark.parametrize("text", ["  ", "x" * 2001])
def test_empty_or_long_comment_is_refused(text: str):
    with pytest.raises(NotPossible):
        collaboration.add_comment(make_field().record.pk, text=text, by=rita())

    assert not Comment.objects.exists()


def test_presence_expires_without_renewal():
    record = make_field().record
    collaboration.note_presence(record.pk, by=rob())
    collaboration.note_presence(record.pk, by=rob())

    assert collaboration.others_viewing(record.pk, person=rita()) == [rob()]
    assert collaboration.others_viewing(record.pk, person=rob()) == []

    Presence.objects.update(seen_at=F("seen_at") - timedelta(seconds=collaboration.PRESENCE_SECONDS + 1))
    assert collaboration.others_viewing(record.pk, person=rita()) == []


def test_deputy_stands_in_until_absence_ends():
    absent = absence.set_absence(rita(), until=in_days(3), deputy=rob(), by=rita())

    assert absence.acting_deputy(absent) == rob()
    assert absence.acting_deputy(absent, day=in_days(4)) == absent


def test_absent_deputies_are_skipped():
    third = ada()
    absence.set_absence(rita(), until=in_days(3), deputy=rob(), by=rita())
    absence.set_absence(rob(), until=in_days(3), deputy=third, by=third)
    first = type(third).objects.get(name="Rita")
    assert absence.acting_deputy(first) == third

    absence.set_absence(third, until=in_days(3), deputy=first, by=third)
    assert absence.acting_deputy(type(third).objects.get(name="Rita")) == first


def test_invalid_absence_is_refused():
    for until, deputy in ((in_days(1), rita()), (in_days(1), vera()), (in_days(-1), rob())):
        with pytest.raises(BadPerson):
            absence.set_absence(rita(), until=until, deputy=deputy, by=rita())
