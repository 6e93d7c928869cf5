"""The record page: the text and the buttons of each state of a field."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from syncapp import preferences
from syncapp.models import Decision, SyncField
from syncapp.models.jobs.job import JobState
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.person import Role
from syncapp.models.review.decision import DecisionState
from tests.support import scenes
from tests.support.factories import EDITED_ON, make_editor, make_field, make_newer_edit, make_record
from tests.support.people import ada, browser, make_person, rita, rob
from tests.support.screen import Screen, opened, pressed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def labels() -> None:
    scenes.store_columns()


def page(field: SyncField, person=None, query: str = "") -> Screen:
    return opened(browser(person or rita()), field.record, query)


def test_waiting_field_shows_values_and_buttons():
    field = make_field(original_value="Buyer", proposed_value="Head of Procurement")

    screen = page(field)

    assert "Job Title" in screen.words
    assert "<del>Buyer</del>" in screen.html
    assert "<ins>Head of Procurement</ins>" in screen.html
    assert all(screen.offers(f"do={verb}:{field.pk}") for verb in ("approve", "reject", "correct"))


def test_header_names_editor_and_links_to_crm():
    record = make_record("Marta Villanueva", editor=make_editor("Jonas Weber"))
    make_field(record)

    screen = opened(browser(rita()), record)

    assert "Edited in Outlook by Jonas Weber" in screen.words
    assert f"pagetype=entityrecord&amp;id={record.target_id}" in screen.html
    assert "CRM values not read yet" in screen.words


def test_approve_all_excludes_conflicts():
    record = make_record()
    for column in ("jobtitle", "fax"):
        make_field(record, column)
    scenes.conflicting(scenes.approved(make_field(record, "lastname"), by=rita()), "X")

    words = opened(browser(rita()), record).words

    assert "Approve 2, leave 1" in words
    assert "Why reject 2?" in words


def test_approval_counts_down_with_undo():
    field = make_field()
    decision = scenes.approved(field, by=rita())

    screen = page(field)

    assert "Approved written in 10 s" in screen.words
    assert f"/review/decisions/{decision.pk}/undo" in screen.html
    assert 'value="10"' in screen.html


def test_colleagues_decision_offers_no_undo():
    field = make_field()
    scenes.approved(field, by=rob())

    screen = page(field)

    assert "Approved by Rob" in screen.words
    assert not screen.offers("do=undo")


def test_reviewing_administrator_can_undo_any_decision():
    field = make_field()
    scenes.approved(field, by=rob())

    assert page(field, make_person("Ada", Role.ADMINISTRATOR, Role.REVIEWER)).offers("do=undo")


def due(decision: Decision) -> None:
    Decision.objects.filter(pk=decision.pk).update(due_at=timezone.now() - timedelta(seconds=1))


STATES = {
    "due": (due, "Approved being written"),
    "sent": (scenes.being_written, "Approved being written"),
    "lost answer": (
        lambda decision: scenes.being_written(decision, state=JobState.VERIFY),
        "Checking the CRM its answer was lost; reading back",
    ),
    "written": (scenes.finished, "read back; by you Put back…"),
    "already": (
        lambda decision: scenes.finished(decision, DecisionState.ALREADY),
        "Already in the CRM nothing was written",
    ),
    "failed": (scenes.failed, "Not written approved by you"),
    "conflict": (lambda decision: scenes.conflicting(decision, "Chief"), "nothing was overwritten"),
}


@pytest.mark.parametrize("state", STATES)
def test_each_approval_state_has_its_text(state):
    set_state, words = STATES[state]
    field = make_field()
    set_state(scenes.approved(field, by=rita()))

    assert words in page(field).words


def test_rejection_offers_approval_after_all():
    field = make_field()
    scenes.finished(scenes.rejected(field, by=rita(), reason_code="other_contact", reason="see Anna"))

    words = page(field).words

    assert "Rejected belongs to another contact: see Anna; by you at" in words
    assert "Approve after all…" in words


def test_conflict_shows_values_and_choices():
    field = make_field(original_value="Buyer", proposed_value="Head")
    scenes.conflicting(scenes.approved(field, by=rita()), "Chief")

    screen = page(field)

    assert all(word in screen.words for word in ("Original", "CRM now", "Proposed", "Other"))
    assert all(value in screen.words for value in ("Buyer", "Chief", "Head"))
    assert all(screen.offers(f"do={verb}:{field.pk}") for verb in ("keep", "approve", "other"))


def test_failure_shows_reason_and_buttons():
    field = make_field()
    scenes.failed(scenes.approved(field, by=rita()), "The CRM refused it: no such country.")

    screen = page(field)

    assert "The CRM refused it: no such country." in screen.words
    assert screen.offers("do=retry")
    assert screen.offers(f"do=reject:{field.pk}")


def test_superseded_field_links_newer_edit():
    field = make_field()
    newer = make_newer_edit(field)
    scenes.move(field, decision=FieldDecision.SUPERSEDED, delivery=FieldDelivery.DONE)

    screen = page(field)

    assert "Superseded by a newer edit" in screen.words
    assert f"/review/{newer.record_id}/" in screen.html


def test_withdrawn_field_says_it_was_decided_in_crm():
    field = make_field()
    scenes.move(field, decision=FieldDecision.WITHDRAWN, crm_state=1, finished_at=timezone.now())

    assert "Withdrawn decided in the CRM itself at" in page(field).words


def test_edit_of_deleted_contact_can_only_be_rejected():
    field = make_field()
    scenes.move(field, contact_is_gone=True)

    screen = page(field)

    assert "Contact deleted in the CRM; it is not created again" in screen.words
    assert screen.offers(f"do=reject:{field.pk}")
    assert not screen.offers(f"do=approve:{field.pk}")


def test_other_waiting_edits_are_linked():
    field = make_field()
    make_newer_edit(field)

    assert "1 more edit of this contact waits: by Jonas Weber" in page(field).words


def test_changed_crm_value_is_shown():
    field = make_field(original_value="Buyer", proposed_value="Head")
    scenes.move(field, crm_now_value="Chief", crm_now_read_at=timezone.now())

    screen = page(field)

    assert "The CRM’s value changed after the edit. Choose the value for the CRM." in screen.words
    assert "CRM now Chief read just now" in screen.words
    assert all(screen.offers(f"do={verb}:{field.pk}") for verb in ("keep", "approve", "other", "reject"))


def test_proposal_already_in_crm_needs_no_choice():
    field = make_field(original_value="Buyer", proposed_value="Head")
    scenes.move(field, crm_now_value="Head", crm_now_read_at=timezone.now())

    screen = page(field)

    assert "The CRM already has the proposed value." in screen.words
    assert not screen.offers(f"do=keep:{field.pk}")


def test_approve_all_decides_the_only_unchanged_field():
    record = make_record()
    plain, changed = make_field(record, "fax"), make_field(record, "jobtitle")
    scenes.move(changed, crm_now_value="Chief", crm_now_read_at=timezone.now())
    client = browser(rita())

    answer = pressed(client, opened(client, record), record, "do=approve-all")

    plain.refresh_from_db()
    changed.refresh_from_db()
    assert (plain.decision, changed.decision) == ("approved", "pending")
    assert "1 field changed in the CRM and was left out. Choose its value." in answer.words


@pytest.mark.parametrize(
    ("decide", "says"),
    [
        (scenes.approved, "The approval overwrites it."),
        (scenes.rejected, "The rejection keeps it."),
    ],
)
def test_decided_field_still_shows_the_crm_value(decide, says):
    field = make_field(original_value="Buyer", proposed_value="Head")
    scenes.move(field, crm_now_value="Chief", crm_now_read_at=timezone.now())
    decide(field, by=rita())

    words = page(field).words

    assert "CRM had Chief" in words
    assert says in words


@pytest.mark.parametrize("had", ["Chief", "Buyer"])
def test_written_value_is_not_shown_as_crm_value(had):
    field = make_field(original_value="Buyer", proposed_value="Head")
    scenes.move(field, crm_now_value=had, crm_now_read_at=timezone.now())
    scenes.approved(field, by=rita())
    field.refresh_from_db()
    scenes.move(field, delivery="done", crm_now_value="Head", crm_now_label="", finished_at=timezone.now())

    words = page(field).words

    assert "The CRM already had the proposed value" not in words
    assert ("CRM had Chief" in words) is (had == "Chief")


def test_corrected_value_is_shown():
    field = make_field()
    scenes.approved(field, by=rita(), is_corrected=True, corrected_value="Head of everything")

    assert "Corrected to Head of everything" in page(field).words


def test_own_edit_explains_missing_buttons():
    me = rita()
    field = make_field(make_record(editor=make_editor("Rita", entra_id=me.oid)))

    screen = page(field, me)

    assert "Your own edit another reviewer must decide it" in screen.words
    assert not screen.offers(f"do=approve:{field.pk}")
    assert page(field, rob()).offers(f"do=approve:{field.pk}")


def test_edit_by_unidentified_editor_cannot_be_decided():
    field = make_field(make_record(editor=make_editor("On Premises", entra_id=None)))

    screen = page(field)

    assert "Possibly your own edit" in screen.words
    assert "no Entra ID" in screen.words
    assert not screen.offers(f"do=approve:{field.pk}")


def test_page_explains_setting_for_unidentified_editors():
    preferences.change(by=ada(), anyone_decides_unidentified=True)
    field = make_field(make_record(editor=make_editor("On Premises", entra_id=None)))

    screen = page(field)

    assert "Editor not identified; settings let any reviewer decide" in screen.words
    assert screen.offers(f"do=approve:{field.pk}")


@pytest.mark.parametrize("roles", [(Role.VIEWER,), (Role.ADMINISTRATOR,)])
def test_viewer_sees_values_without_buttons(roles):
    record = make_record()
    waiting = make_field(record)
    scenes.finished(scenes.approved(make_field(record, "fax"), by=rita()))
    scenes.failed(scenes.approved(make_field(record, "lastname"), by=rita()))

    screen = page(waiting, make_person("Looker", *roles))

    assert "View only deciding needs the Reviewer role" in screen.words
    assert "Not written" in screen.words
    assert not [button for button in screen.buttons if button.startswith("do=")]


def test_value_is_shown_by_its_type():
    record = make_record()
    account = f"account:{uuid.uuid4()}"
    make_field(record, "preferredcontactmethodcode", original_value="3", proposed_value="2")
    make_field(record, "donotphone", original_value="false", proposed_value="true")
    make_field(record, "birthdate", original_value=None, proposed_value="1987-03-14")
    make_field(record, "osync_interests", original_value="1,2", proposed_value="2,4")
    make_field(record, "parentcustomerid", original_value=None, proposed_value=account, proposed_label="Halden AS")

    html = opened(browser(rita()), record).html

    for words in ("<del>Phone</del>", "<ins>Email</ins>", "<del>Allow</del>", "<ins>Do Not Allow</ins>",
                  "<ins>14 March 1987</ins>", "<ins>Cold chain</ins>", "<ins>Halden AS</ins>",
                  '<span class="empty">empty</span>'):  # fmt: skip
        assert words in html
    assert account not in html


def test_lookups_with_same_name_are_shown_as_changed():
    record = make_record()
    values = {"original_value": f"account:{uuid.uuid4()}", "proposed_value": f"account:{uuid.uuid4()}"}
    make_field(record, "parentcustomerid", original_label="Acme", proposed_label="Acme", **values)

    screen = opened(browser(rita()), record)

    assert "<del>Acme</del>" in screen.html
    assert "same words, different value" in screen.words


def test_times_use_the_readers_zone():
    field = make_field(make_record(edited_on=EDITED_ON))

    assert "Fri 20 Nov 2026, 10:30" in page(field, make_person("Rita", Role.REVIEWER, time_zone="Europe/Oslo")).html
    assert "Fri 20 Nov 2026, 09:30" in page(field, make_person("Rita", Role.REVIEWER, time_zone="UTC")).html


def test_unknown_edit_returns_404():
    screen = Screen(browser(rita()).get(f"/review/{uuid.uuid4()}/"))

    assert screen.status == 404
    assert "the edit was deleted" in screen.words


def test_page_forbids_inline_scripts_and_styles():
    screen = page(make_field())

    assert not [found for tag, found in screen.tags if "style" in found or any(name.startswith("on") for name in found)]
    assert all("src" in found for tag, found in screen.tags if tag == "script")
    assert not [tag for tag, found in screen.tags if tag == "style"]
    assert "unsafe" not in screen.response["Content-Security-Policy"]


PROBLEM = "The CRM's value of osync_proposedvalue holds a NUL character (U+0000)."


def test_unreadable_field_offers_no_decision():
    record = make_record()
    good = make_field(record)
    bad = make_field(record, "fax", proposed_value=None, unreadable=PROBLEM)

    screen = page(bad)

    assert "holds a NUL character (U+0000)" in screen.words
    assert "Cannot be read" in screen.words
    assert not any(screen.offers(f"do={verb}:{bad.pk}") for verb in ("approve", "reject", "correct"))
    assert screen.offers(f"do=approve:{good.pk}")


def test_fields_of_unreadable_edit_offer_no_decision():
    field = make_field(make_record(unreadable=PROBLEM))

    screen = page(field)

    assert "holds a NUL character (U+0000)" in screen.words
    assert not screen.offers(f"do=approve:{field.pk}")
    assert "Cannot be read" in Screen(browser(rita()).get("/review/?tab=attention")).words


def test_unnamed_field_is_listed_as_unknown():
    field = make_field(column="", unreadable=PROBLEM)

    assert "Unknown field" in page(field, query="?tab=attention").words
