"""Decisions on the record page, with plain forms and with htmx, alone and against a colleague."""

from __future__ import annotations

import pytest

from syncapp.models import AuditValue, Decision, SyncField, SyncRecord
from syncapp.models.mirror.sync_field import FieldDecision
from syncapp.models.person import Role
from syncapp.review.context import digest
from tests.support import scenes
from tests.support.factories import make_editor, make_field, make_record
from tests.support.people import browser, make_person, rita, rob, vera
from tests.support.screen import Screen, on, opened, pressed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def labels() -> None:
    scenes.store_columns()


def outcome(field: SyncField) -> str:
    field.refresh_from_db()
    return field.decision


def edit(*columns: str) -> tuple[SyncRecord, list[SyncField]]:
    record = make_record()
    return record, [make_field(record, column) for column in columns or ("jobtitle", "fax", "lastname")]


def test_field_button_approves_one_field():
    record, (title, fax, _) = edit()
    client = browser(rita())

    screen = pressed(client, opened(client, record), record, f"do=approve:{title.pk}")

    assert screen.status == 200
    assert (outcome(title), outcome(fax)) == (FieldDecision.APPROVED, FieldDecision.PENDING)
    assert "Approved written in 10 s" in screen.words


def test_one_submit_decides_all_marked_fields():
    record, (title, fax, name) = edit()
    client = browser(rita())
    screen = opened(client, record)
    typed = {
        on(title, "tick"): "1",
        on(fax, "mark"): "reject",
        on(fax, "code"): "crm_only",
        on(fax, "text"): "switchboard only",
        on(name, "mark"): "correct",
        on(name, "value"): "Villanueva",
    }

    pressed(client, screen, record, "do=marked", **typed)

    assert [outcome(field) for field in (title, fax, name)] == ["approved", "rejected", "approved"]
    assert Decision.objects.get(field=fax).reason == "switchboard only"
    assert Decision.objects.get(field=fax).reason_code == "crm_only"
    assert (Decision.objects.get(field=name).value_to_write, Decision.objects.get(field=name).is_corrected) == (
        "Villanueva",
        True,
    )
    assert AuditValue.objects.filter(reason__contains="switchboard only").exists()


def test_unmarked_fields_keep_waiting():
    record, (title, fax, name) = edit()
    client = browser(rita())

    pressed(client, opened(client, record), record, "do=marked", **{on(title, "tick"): "1"})

    assert [outcome(field) for field in (title, fax, name)] == ["approved", "pending", "pending"]


def test_approve_all_is_one_submit():
    record, fields = edit()
    client = browser(rita())

    pressed(client, opened(client, record), record, "do=approve-all")

    assert {outcome(field) for field in fields} == {"approved"}
    assert Decision.objects.values("due_at").distinct().count() == 1


def test_reject_all_shares_one_reason():
    record, fields = edit()
    client = browser(rita())
    reason = {"code.all": "other", "text.all": "he left the company"}

    pressed(client, opened(client, record), record, "do=reject-all", **reason)

    assert {outcome(field) for field in fields} == {"rejected"}
    assert set(Decision.objects.values_list("reason", flat=True)) == {"he left the company"}


def test_approve_all_skips_fields_never_shown():
    record, _ = edit("jobtitle", "fax")
    client = browser(rita())
    screen = opened(client, record)
    late = make_field(record, "lastname")

    pressed(client, screen, record, "do=approve-all")

    assert outcome(late) == FieldDecision.PENDING


def test_other_reason_needs_text():
    record, (title, _, name) = edit()
    client = browser(rita())
    typed = {
        on(title, "mark"): "reject",
        on(title, "code"): "other",
        on(name, "mark"): "correct",
        on(name, "value"): "Vill",
    }

    screen = pressed(client, opened(client, record), record, f"do=reject:{title.pk}", **typed)

    assert screen.status == 422
    assert "Add an explanation for “Other”." in screen.words
    assert outcome(title) == FieldDecision.PENDING
    assert screen.is_checked(on(title, "code"), "other")
    assert screen.is_checked(on(name, "mark"), "correct")
    assert screen.input(on(name, "value")) == "Vill"


def test_too_long_correction_is_refused_and_kept():
    record, (name,) = edit("lastname")
    client = browser(rita())
    long = "x" * 51

    typed = {on(name, "mark"): "correct", on(name, "value"): long}
    screen = pressed(client, opened(client, record), record, f"do=correct:{name.pk}", **typed)

    assert screen.status == 422
    assert "Shorten this text from 51 to 50 characters." in screen.words
    assert screen.input(on(name, "value")) == long
    assert outcome(name) == FieldDecision.PENDING


def test_submit_without_marks_is_refused():
    record, (title, *_) = edit()
    client = browser(rita())

    screen = pressed(client, opened(client, record), record, "do=marked")

    assert screen.status == 422
    assert "Select something to decide:" in screen.words
    assert outcome(title) == FieldDecision.PENDING


def test_two_marks_on_one_field_are_refused():
    record, (title, *_) = edit()
    client = browser(rita())

    screen = pressed(
        client, opened(client, record), record, "do=marked", **{on(title, "tick"): "1", on(title, "mark"): "reject"}
    )

    assert screen.status == 422
    assert "Choose only one" in screen.words
    assert outcome(title) == FieldDecision.PENDING


@pytest.mark.parametrize("button", ["do=", "do=nonsense", "do=approve:", "do=approve:42", "do=approve:' or 1=1", "x=y"])
def test_unknown_button_changes_nothing(button):
    record, (title, *_) = edit()
    client = browser(rita())

    screen = pressed(client, opened(client, record), record, button)

    assert screen.status == 422
    assert outcome(title) == FieldDecision.PENDING


def test_field_of_another_edit_cannot_be_decided():
    record, _ = edit()
    foreign = make_field(make_record("Somebody else"))
    client = browser(rita())

    screen = pressed(
        client, opened(client, record), record, f"do=approve:{foreign.pk}", **{on(foreign, "seen"): digest(foreign)}
    )

    assert screen.status == 422
    assert outcome(foreign) == FieldDecision.PENDING


CORRECTIONS = [
    ("jobtitle", "Head\r\nof all", "Head\nof all"),
    ("jobtitle", " Head ", " Head "),
    ("jobtitle", "", None),
    ("preferredcontactmethodcode", "1", "1"),
    ("donotphone", "false", "false"),
    ("osync_interests", ["", "4", "1"], "1,4"),
    ("osync_interests", [""], None),
    ("birthdate", "1980-02-29", "1980-02-29"),
    ("creditlimit", " 1234.50 ", "1234.50"),
    ("lastonholdtime", "2026-07-01T10:00", "2026-07-01T08:00:00Z"),
]
PROPOSED = {
    "jobtitle": "Buyer",
    "preferredcontactmethodcode": "2",
    "donotphone": "true",
    "osync_interests": "2",
    "birthdate": "1987-03-14",
    "creditlimit": "7",
    "lastonholdtime": "2026-11-21T09:30:00Z",
}


@pytest.mark.parametrize(("column", "typed", "stored"), CORRECTIONS)
def test_correction_becomes_typed_value(column, typed, stored):
    field = make_field(None, column, original_value=None, proposed_value=PROPOSED.get(column, "Buyer"))
    client = browser(make_person("Rita", Role.REVIEWER, time_zone="Europe/Oslo"))
    form = {on(field, "mark"): "correct", on(field, "value"): typed}

    pressed(client, opened(client, field.record), field.record, f"do=correct:{field.pk}", **form)

    decision = Decision.objects.get(field=field)
    assert (decision.value_to_write, decision.is_corrected) == (stored, True)


@pytest.mark.parametrize(
    ("column", "typed", "words"),
    [
        ("birthdate", "soon", "Enter a date, for example 29 Nov 2026."),
        ("creditlimit", "1.000,50", "Enter a number, for example 15,000.50."),
        ("preferredcontactmethodcode", "99", "Choose from the options; 99 is not one of them."),
        ("lastonholdtime", "tomorrow", "Enter a date and time"),
        ("osync_interests", ["", "77"], "Choose from the options; 77 is not one of them."),
        ("donotphone", "maybe", "Choose yes or no"),
        ("jobtitle", "x" * 101, "Shorten this text from 101 to 100 characters."),
    ],
)
def test_invalid_correction_is_refused(column, typed, words):
    field = make_field(None, column, original_value=None, proposed_value=PROPOSED[column])
    client = browser(rita())
    form = {on(field, "mark"): "correct", on(field, "value"): typed}

    screen = pressed(client, opened(client, field.record), field.record, f"do=correct:{field.pk}", **form)

    assert screen.status == 422
    assert words in screen.words
    assert outcome(field) == FieldDecision.PENDING


def test_unchanged_proposal_is_a_plain_approval():
    field = make_field(None, "description", original_value=None, proposed_value="one\r\ntwo")
    client = browser(rita())

    pressed(
        client,
        opened(client, field.record),
        field.record,
        f"do=correct:{field.pk}",
        **{on(field, "value"): "one\r\ntwo"},
    )

    assert Decision.objects.get(field=field).is_corrected is False
    assert Decision.objects.get(field=field).value_to_write == "one\r\ntwo"


def test_second_reviewer_sees_the_first_decider():
    record, (title, fax, _) = edit()
    hers, his = browser(rita()), browser(rob())
    her_page, his_page = opened(hers, record), opened(his, record)
    pressed(hers, her_page, record, f"do=approve:{title.pk}")

    screen = pressed(his, his_page, record, f"do=reject:{title.pk}", **{on(fax, "text"): "half typed"})

    assert screen.status == 409
    assert "Approved by Rita in the meantime; your decision was not saved." in screen.words
    assert screen.input(on(fax, "text")) == "half typed"
    assert Decision.objects.get(field=title).decided_by == rita()


def test_own_earlier_decision_is_attributed_to_you():
    record, (title, *_) = edit()
    client = browser(rita())
    old = opened(client, record)
    pressed(client, opened(client, record), record, f"do=approve:{title.pk}")

    screen = pressed(client, old, record, f"do=reject:{title.pk}")

    assert screen.status == 409
    assert "Approved by you in the meantime; this decision was not saved." in screen.words


def test_partial_submit_names_refused_fields():
    record, (title, fax, name) = edit()
    hers, his = browser(rita()), browser(rob())
    his_page = opened(his, record)
    pressed(hers, opened(hers, record), record, f"do=reject:{title.pk}")

    screen = pressed(his, his_page, record, "do=approve-all")

    assert screen.status == 409
    assert "2 fields decided. 1 field was not decided: Job Title. See the message below it." in screen.words
    assert [outcome(field) for field in (title, fax, name)] == ["rejected", "approved", "approved"]


def test_stale_form_is_refused_with_new_values():
    field = make_field(proposed_value="Head")
    client = browser(rita())
    screen = opened(client, field.record)
    scenes.move(field, proposed_value="Chief")

    second = pressed(client, screen, field.record, f"do=approve:{field.pk}")

    assert second.status == 409
    assert "The values changed while this page was open." in second.words
    assert "<ins>Chief</ins>" in second.html
    assert outcome(field) == FieldDecision.PENDING
    assert pressed(client, second, field.record, f"do=approve:{field.pk}").status == 200


def test_own_edit_cannot_be_decided():
    me = rita()
    field = make_field(make_record(editor=make_editor("Rita", entra_id=me.oid)))
    client = browser(me)
    form = {on(field, "seen"): digest(field)}

    screen = pressed(client, opened(client, field.record), field.record, f"do=approve:{field.pk}", **form)

    assert screen.status == 409
    assert "This is your own edit" in screen.words
    assert outcome(field) == FieldDecision.PENDING


@pytest.mark.parametrize("person", [vera, lambda: make_person("Adam", Role.ADMINISTRATOR), lambda: make_person("Nils")])
def test_people_without_reviewer_role_cannot_decide(person):
    field = make_field()
    decision = scenes.approved(make_field(), by=rita())
    client = browser(person())
    steps = [f"{field.record_id}/decide", f"{field.record_id}/read-again", f"decisions/{decision.pk}/undo"]
    steps += [f"fields/{field.pk}/{step}" for step in ("retry", "put-back", "approve-after-all")]

    answers = {
        client.post(f"/review/{step}", {"do": f"approve:{field.pk}", on(field, "seen"): digest(field)}).status_code
        for step in steps
    }

    assert answers == {403}
    assert outcome(field) == FieldDecision.PENDING


@pytest.mark.parametrize("method", ["get", "head"])
def test_get_never_decides(method):
    field = make_field()
    client = browser(rita())
    steps = (f"{field.record_id}/decide", f"{field.record_id}/read-again", f"fields/{field.pk}/retry")

    answers = {getattr(client, method)(f"/review/{step}?do=approve:{field.pk}").status_code for step in steps}

    assert answers == {405}
    assert outcome(field) == FieldDecision.PENDING


def test_cross_site_form_is_refused():
    field = make_field()
    client = browser(rita(), enforce_csrf_checks=True)

    screen = Screen(client.post(f"/review/{field.record_id}/decide", {"do": f"approve:{field.pk}"}))

    assert screen.status == 403
    assert "Nothing was changed" in screen.words
