"""Refusals on the record page: the input at fault has the focus, a message and its text."""

from __future__ import annotations

import html
from typing import Any

import pytest

from syncapp import preferences
from syncapp.models import Comment, Selection, SyncField
from syncapp.models.person import Role
from syncapp.review import collaboration, decisions
from syncapp.review.bulk import selections
from syncapp.review.context import digest
from syncapp.review.decisions import Choice
from tests.support import scenes
from tests.support.factories import make_field, make_record
from tests.support.people import ada, browser, make_person, rita, rob
from tests.support.screen import Screen, on, opened, pressed
from tests.web.review.test_decide import PROPOSED, outcome

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def columns() -> None:
    scenes.store_columns()


def refused_input(screen: Screen) -> tuple[str, str]:
    """Return the name of the only input that is marked as invalid and has the focus, and the message tied to it."""
    (marked,) = [tag for _, tag in screen.tags if tag.get("aria-invalid") == "true"]
    (focused,) = [tag for _, tag in screen.tags if "autofocus" in tag]
    assert marked is focused
    (message,) = [tag for _, tag in screen.tags if tag.get("id") == marked["aria-describedby"]]
    below = screen.html.partition(f'id="{message["id"]}"')[2]
    return marked["name"], below.partition("</svg>")[2].partition("</p>")[0]


def send(field: SyncField, button: str, **typed: Any) -> Screen:
    client = browser(make_person("Rita", Role.REVIEWER, time_zone="Europe/Oslo"))
    return pressed(client, opened(client, field.record), field.record, button, **typed)


@pytest.mark.parametrize(
    ("column", "typed"),
    [
        ("jobtitle", "x" * 101),
        ("description", "x" * 2001),
        ("emailaddress1", "x" * 101),
        ("creditlimit", "abc"),
        ("birthdate", "soon"),
        ("lastonholdtime", "tomorrow"),
        ("lastonholdtime", "2026-03-29T02:30"),
        ("preferredcontactmethodcode", "99"),
        ("osync_interests", ["", "77"]),
        ("donotphone", "maybe"),
    ],
)
def test_refused_correction_marks_its_input(column, typed):
    field = make_field(None, column, original_value=None, proposed_value=PROPOSED.get(column, "Buyer"))

    screen = send(field, f"do=correct:{field.pk}", **{on(field, "mark"): "correct", on(field, "value"): typed})

    name, message = refused_input(screen)
    assert (screen.status, name, bool(message)) == (422, on(field, "value"), True)
    assert screen.is_checked(on(field, "mark"), "correct")
    assert outcome(field) == "pending"


def test_lookup_without_choice_marks_the_search():
    field = make_field(None, "parentcustomerid", original_value=None, proposed_value="account:1")

    screen = send(field, f"do=correct:{field.pk}", **{on(field, "mark"): "correct", on(field, "find"): "Alp"})

    assert refused_input(screen) == (on(field, "find"), "Search by name and choose a result.")
    assert screen.input(on(field, "find")) == "Alp"


def test_empty_search_for_a_lookup_marks_the_search():
    field = make_field(None, "parentcustomerid", original_value=None, proposed_value="account:1")

    screen = send(field, f"do=find:{field.pk}", **{on(field, "mark"): "correct"})

    assert refused_input(screen) == (on(field, "find"), "Enter a word from the name.")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"code": "other"}, "Add an explanation for “Other”."),
        ({"text": "x" * 501}, "Shorten the reason: it has 501 characters"),
    ],
)
def test_refused_reason_marks_its_text(typed, words):
    field = make_field()
    controls = {on(field, name): value for name, value in typed.items()}

    screen = send(field, f"do=reject:{field.pk}", **{on(field, "mark"): "reject", **controls})

    name, message = refused_input(screen)
    assert (name, screen.input(name)) == (on(field, "text"), typed.get("text", ""))
    assert message.startswith(words)


def test_missing_required_reason_marks_the_choice():
    preferences.change(by=ada(), reason_required=True)
    field = make_field()

    screen = send(field, f"do=reject:{field.pk}", **{on(field, "mark"): "reject"})

    assert refused_input(screen) == (on(field, "code"), "Choose a reason for rejecting.")


def test_refused_reason_for_all_marks_its_input():
    record = make_record()
    fields = [make_field(record, column) for column in ("jobtitle", "fax")]

    screen = send(fields[0], "do=reject-all", **{"mark.all": "reject", "code.all": "other"})

    assert refused_input(screen) == ("text.all", "Add an explanation for “Other”.")
    assert screen.is_checked("mark.all", "reject")
    assert {outcome(field) for field in fields} == {"pending"}


def test_refused_reason_for_group_marks_its_text():
    record = make_record()
    for column in ("address1_line1", "address1_city"):
        field = make_field(record, column)

    screen = send(field, "do=reject:group-address", **{"mark.group-address": "reject", "code.group-address": "other"})

    assert refused_input(screen) == ("text.group-address", "Add an explanation for “Other”.")
    assert outcome(field) == "pending"


@pytest.mark.parametrize("typed", ["", "x" * 101])
def test_refused_value_of_a_conflict_marks_its_input(typed):
    field = make_field()
    scenes.conflicting(scenes.approved(field, by=rita()), "Chief")

    screen = send(field, f"do=other:{field.pk}", **{on(field, "value"): typed})

    name, message = refused_input(screen)
    assert (name, screen.input(name), bool(message)) == (on(field, "value"), typed, True)


@pytest.mark.parametrize("typed", ["", "x" * 501])
@pytest.mark.parametrize("decide", [scenes.approved, scenes.rejected])
def test_refused_follow_up_reason_marks_input(decide, typed):
    field = make_field()
    scenes.finished(decide(field, by=rita()))

    screen = send(field, "do=again", **{f"text.again-{field.pk}": typed})

    name, message = refused_input(screen)
    assert (screen.status, name, screen.input(name)) == (422, f"text.again-{field.pk}", typed)
    assert message
    assert screen.is_checked(f"mark.again-{field.pk}", "again")


def test_refused_follow_up_names_no_colleague():
    field = make_field()
    scenes.finished(scenes.approved(field, by=rita()))
    SyncField.objects.update(crm_decision_id="")  # written, and not read back yet

    screen = send(field, "do=again")

    assert '"told": ""' in html.unescape(screen.html)
    assert f'"back": "{field.pk}"' in html.unescape(screen.html)


def test_refused_approval_marks_no_input():
    field = make_field()
    client = browser(rita())
    screen = opened(client, field.record)
    decisions.decide([Choice(field.pk, "approved", digest(field))], by=rob())

    second = pressed(client, screen, field.record, f"do=approve:{field.pk}")

    assert second.status == 409
    assert not [tag for _, tag in second.tags if "autofocus" in tag or "aria-invalid" in tag]
    (row,) = [tag for _, tag in second.tags if tag.get("data-field") == str(field.pk)]
    assert row["aria-describedby"] == f"problem-{field.pk}"


def test_invalid_parking_day_marks_its_input():
    field = make_field()
    address = f"/review/{field.record_id}/park"

    screen = Screen(browser(rita()).post(address, {"do": "park", "park_until": "2020-01-01"}))

    name, message = refused_input(screen)
    assert (name, screen.input(name)) == ("park_until", "2020-01-01")
    assert message == "Choose a day between tomorrow and one year from today."


@pytest.mark.parametrize(("action", "control"), [("remark", "remark"), ("ask", "question")])
@pytest.mark.parametrize("typed", [" ", "x" * 2001])
def test_refused_comment_or_question_marks_its_input(action, control, typed):
    field = make_field()

    screen = Screen(
        browser(rita()).post(f"/review/{field.record_id}/{action}", {control: typed, "whom": str(rob().pk)})
    )

    name, message = refused_input(screen)
    assert (name, screen.input(name)) == (control, typed)
    assert message
    assert not Comment.objects.exists()


def test_question_without_recipient_marks_the_recipient_input():
    field = make_field()
    rob()

    screen = Screen(browser(rita()).post(f"/review/{field.record_id}/ask", {"question": "Is it?", "whom": "x"}))

    assert refused_input(screen) == ("whom", "Choose a colleague to ask.")
    assert screen.input("question") == "Is it?"


def test_refused_answer_marks_its_input():
    field = make_field()
    question = collaboration.ask(field.record_id, colleague=rita(), text="Is it?", by=rob())

    screen = Screen(browser(rita()).post(f"/review/questions/{question.pk}/reply", {f"answer.{question.pk}": ""}))

    assert refused_input(screen) == (f"answer.{question.pk}", "There is nothing to send. Type a sentence.")


@pytest.mark.parametrize(
    ("sent", "control"),
    [
        ({"do": "approve", "number": "1"}, "number"),
        ({"do": "reject", "number": "2", "code.selection": "other"}, "text.selection"),
    ],
)
def test_refused_bulk_decision_marks_its_input(monkeypatch, sent, control):
    monkeypatch.setattr(selections, "MAX_SHOWN", 1)
    for name in ("Anna", "Bo"):
        make_field(make_record(name))
    client = browser(rita())
    client.post("/review/selections/select", {"all": "all"})
    address = f"/review/selections/{Selection.objects.get().pk}/decide"

    screen = Screen(client.post(address, sent))

    name, message = refused_input(screen)
    assert (screen.status, name, bool(message)) == (422, control, True)
    assert screen.input("number") == sent["number"]


def test_accepted_comment_empties_input():
    field = make_field()
    headers = {"HX-Request": "true"}

    screen = Screen(browser(rita()).post(f"/review/{field.record_id}/remark", {"remark": "Known."}, headers=headers))

    assert (screen.status, screen.input("remark")) == (200, "")
    assert not [tag for _, tag in screen.tags if tag.get("aria-invalid")]
