"""Collaboration on one edit: assignment, parking, comments, presence and history."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from syncapp.accounts import absence
from syncapp.models import Comment, Decision, Message, Presence, SyncRecord
from syncapp.models.person import Role
from syncapp.review import collaboration
from tests.support import scenes
from tests.support.factories import EDITED_ON, make_editor, make_field, make_newer_edit, make_record
from tests.support.people import browser, make_person, rita, rob, vera
from tests.support.screen import Screen, opened, pressed

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def record() -> SyncRecord:
    scenes.store_columns()
    return make_field().record


def press(record: SyncRecord, words: str, person=None, **typed: str) -> Screen:
    """Press the button with this text, as a browser without scripts: only the inputs of its form are sent."""
    client = browser(person or rita())
    html = opened(client, record).html
    button = next(found for found in re.findall(r"<button[^>]*>.*?</button>", html, re.S) if words in found)
    value = re.search(r'value="([^"]*)"', button)
    action = re.search(r'formaction="([^"]*)"', button)
    assert action is not None, button
    return Screen(client.post(action[1], {"do": value[1] if value else "", **typed}, follow=True))


def test_edit_is_assigned_and_unassigned(record):
    assert "Assigned to you · Unassign" in press(record, "Assign to me").words
    assert "Assigned to Rita · Take over" in opened(browser(rob()), record).words
    assert "Assign to me" in press(record, "Unassign").words


def test_edit_is_parked_until_offered_day(record):
    press(record, "Tomorrow,")
    record.refresh_from_db()

    assert record.parked_until == timezone.localdate() + timedelta(days=1)
    assert "Parked until" in opened(browser(rita()), record).words
    press(record, "Return to Waiting")
    record.refresh_from_db()
    assert not record.is_parked


def test_next_edit_opens_after_parking(record):
    following = make_field(make_record("Solveig Brandt", edited_on=EDITED_ON + timedelta(minutes=1))).record
    day = (timezone.localdate() + timedelta(days=2)).isoformat()

    plain = browser(rita()).post(f"/review/{record.pk}/park", {"do": day})
    collaboration.unpark(record.pk, by=rita())
    answer = browser(rita()).post(f"/review/{record.pk}/park?order=name", {"do": day}, headers=HTMX)

    assert plain.headers["Location"] == f"/review/{following.pk}/"
    part = Screen(answer)
    assert f'data-record="{following.pk}"' in part.html
    assert answer["HX-Push-Url"] == f"/review/{following.pk}/?order=name"
    row = part.html.partition(f'id="row-{record.pk}"')[2].partition("</li>")[0]
    assert "Parked until" in row


def test_invalid_parking_day_is_refused(record):
    assert "Choose a day." in press(record, "Park", park_until="soon").words


def test_question_and_answer_are_sent_by_mail(record, settings):
    settings.MAIL_BACKEND = "smtp"
    client, colleague = browser(rita()), rob()

    asking = {"whom": str(colleague.pk), "question": "Is this right?"}
    screen = Screen(client.post(f"/review/{record.pk}/ask", asking, follow=True))
    assert "Rita asked Rob just now Unanswered Is this right?" in screen.words

    question = Comment.objects.get()
    reply = {f"answer.{question.pk}": "Yes, since May."}
    screen = Screen(browser(colleague).post(f"/review/questions/{question.pk}/reply", reply, follow=True))
    assert "Rob answered just now" in screen.words
    assert "Yes, since May." in screen.words
    mails = Message.objects.values_list("kind", "recipient__name")
    assert set(mails) == {("question", "Rob"), ("answer", "Rita")}


def test_question_reaches_the_editor(settings):
    settings.MAIL_BACKEND = "smtp"
    record = make_field(make_record(editor=make_editor(address="jonas@contoso.example"))).record
    client = browser(rita())
    assert "Jonas Weber (editor)" in opened(client, record).words

    asking = {"whom": "editor", "question": "Is this right?"}
    screen = Screen(client.post(f"/review/{record.pk}/ask", asking, follow=True))
    part = Screen(client.post(f"/review/{record.pk}/ask", asking, headers=HTMX))

    assert "Rita asked Jonas Weber (edited this in Outlook) just now Unanswered Is this right?" in screen.words
    assert "Question sent. The reply goes to your mail address." in part.words
    assert list(Message.objects.values_list("address", flat=True)) == ["jonas@contoso.example"] * 2


def test_editor_without_address_cannot_be_asked(record, settings):
    settings.MAIL_BACKEND = "smtp"

    assert "(editor)" not in opened(browser(rita()), record).words
    answer = browser(rita()).post(f"/review/{record.pk}/ask", {"whom": "editor", "question": "Is it?"})
    assert (answer.status_code, Comment.objects.count()) == (409, 0)


def test_viewer_can_comment_but_not_park(record):
    screen = opened(browser(vera()), record)

    assert "Park…" not in screen.words
    assert browser(vera()).post(f"/review/{record.pk}/park", {"do": "until"}).status_code == 403
    screen_text = browser(vera()).post(f"/review/{record.pk}/remark", {"remark": "<b>Ask him</b>"}, follow=True)
    assert "<b>Ask him</b>" in Screen(screen_text).words


def test_empty_comment_is_refused(record):
    answer = browser(rita()).post(f"/review/{record.pk}/remark", {"remark": " "})

    assert answer.status_code == 409
    assert "Type a sentence" in Screen(answer).words


def test_absent_colleague_is_marked(record):
    rob()
    absence.set_absence(rob(), until=timezone.localdate() + timedelta(days=3), deputy=None, by=rob())

    assert "Rob, away until" in opened(browser(rita()), record).words


def test_only_post_records_presence(record):
    opened(browser(rob()), record)
    assert not Presence.objects.exists()

    browser(rob()).post(f"/review/{record.pk}/presence", headers=HTMX)
    assert "Rob has this open" in opened(browser(rita()), record).words


def test_presence_does_not_prevent_a_decision(record):
    collaboration.note_presence(record.pk, by=rob())
    client = browser(rita())
    field = record.fields.get()

    pressed(client, opened(client, record), record, f"do=approve:{field.pk}")

    field.refresh_from_db()
    assert field.decision == "approved"


def test_typed_text_survives_another_action(record):
    field = record.fields.get()
    typed = opened(browser(rita()), record).form | {f"text.{field.pk}": "half typed", "do": "me"}

    screen = Screen(browser(rita()).post(f"/review/{record.pk}/assign", typed, headers=HTMX))

    assert screen.input(f"text.{field.pk}") == "half typed"


def test_proposal_equal_to_earlier_crm_value_is_tagged(record):
    field = record.fields.get()
    older = make_record(record.name, target_id=record.target_id, edited_on=EDITED_ON - timedelta(days=40))
    decision = scenes.approved(
        make_field(older, original_value="Head of Procurement", proposed_value="Buyer"), by=rob()
    )
    scenes.finished(decision)
    Decision.objects.filter(pk=decision.pk).update(finished_at=EDITED_ON - timedelta(days=30))

    words = opened(browser(rita()), record).words

    assert field.proposed_value == "Head of Procurement"
    assert "the CRM’s value until 21 October" in words


def test_history_lists_outcomes_by_field(record):
    field = record.fields.get()
    scenes.finished(scenes.approved(field, by=rita()))
    make_newer_edit(field, proposed="Chief")

    page = Screen(browser(rita()).get(f"/review/{record.pk}/history"))
    part = Screen(browser(rita()).get(f"/review/{record.pk}/history", headers=HTMX))

    for words in (page.words, part.words):
        assert "Job Title" in words
        assert "Chief Waiting" in words
        assert "read back; by you" in words
    assert not part.source.startswith("<!DOCTYPE")


def test_reviewer_without_colleagues_gets_a_link(record):
    alone = opened(browser(rita()), record)

    assert "There is no one to ask yet" in alone.words
    assert f'value="http://127.0.0.1:8000/review/{record.pk}/" readonly' in alone.html
    rob()
    assert "There is no one to ask yet" not in opened(browser(rita()), record).words


def test_unreachable_colleague_is_marked(record):
    make_person("Vic", Role.REVIEWER, address="")
    rob()

    screen_text = opened(browser(rita()), record).words

    assert "Vic, gets no mail" in screen_text
    assert "Rob, gets no mail" not in screen_text
