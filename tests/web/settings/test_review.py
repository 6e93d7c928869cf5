"""The settings of reviewing and of mails."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.utils import timezone

from syncapp import preferences
from syncapp.models import AuditEntry, Message
from syncapp.models.jobs.job import JobState
from syncapp.outbox import messages
from tests.support.factories import make_field
from tests.support.people import ada, browser, rita
from tests.support.screen import Screen, opened

pytestmark = pytest.mark.django_db


def send(client: Client, part: str, **controls: object) -> Screen:
    return Screen(client.post("/settings/change", {"part": part, **controls}, follow=True))


def test_undo_window_and_required_reason_are_saved():
    screen = send(browser(ada()), "deciding", undo_seconds="30", reason_required="1")

    assert (preferences.read().undo_window, preferences.read().reason_required) == (30, True)
    assert "Saved." in screen.words
    assert screen.input("undo_seconds") == "30"


def test_empty_undo_window_uses_default(settings):
    settings.UNDO_SECONDS = 12
    send(browser(ada()), "deciding", undo_seconds="30")

    screen = send(browser(ada()), "deciding", undo_seconds="")

    assert preferences.read().undo_window == 12
    assert "Currently 12 s." in screen.words


def test_invalid_number_is_kept_with_error():
    screen = send(browser(ada()), "deciding", undo_seconds="soon")

    assert screen.status == 422
    assert "Nothing was changed." in screen.words
    assert "Enter a whole number of seconds from 0 to 300." in screen.words
    assert screen.input("undo_seconds") == "soon"


def test_first_invalid_input_gets_focus():
    screen = send(browser(ada()), "mails", overdue_hours="soon", operations_address="nowhere")

    assert screen.html.count(" autofocus") == 1
    assert re.search(r'<input[^>]*name="overdue_hours"[^>]* autofocus', screen.html)
    assert screen.html.count('aria-invalid="true"') == 2
    assert screen.input("operations_address") == "nowhere"


def test_new_reason_gets_code_from_its_text():
    codes = ["not_correct", "other", ""]
    send(browser(ada()), "reasons", code=codes, words=["Wrong", "Other", "Belongs to HR!"])

    assert preferences.stored()["reasons"] == [
        {"code": "not_correct", "words": "Wrong"},
        {"code": "other", "words": "Other"},
        {"code": "belongs_to_hr", "words": "Belongs to HR!"},
    ]
    assert "Belongs to HR!" in opened(browser(rita()), make_field().record).words


def test_new_reason_gets_unused_code():
    send(browser(ada()), "reasons", code=["other", ""], words=["Something else", "Other"])

    assert [reason["code"] for reason in preferences.stored()["reasons"]] == ["other", "other_2"]


def test_reason_without_text_is_removed():
    send(browser(ada()), "reasons", code=["not_correct", "other", ""], words=["", "Other", ""])

    assert [reason["code"] for reason in preferences.stored()["reasons"]] == ["other"]


def test_group_columns_are_read_one_per_line():
    send(browser(ada()), "groups", name=["Phones", ""], columns=["telephone1\r\nmobilephone", ""])

    assert preferences.stored()["field_groups"] == [{"name": "Phones", "columns": ["telephone1", "mobilephone"]}]


def test_group_with_one_column_is_refused():
    screen = send(browser(ada()), "groups", name=["Phones"], columns=["telephone1"])

    assert "Choose at least two columns for a group." in screen.words
    assert 'value="Phones"' in screen.html
    assert ">telephone1</textarea>" in screen.html.replace("\n", "")
    assert "Phones" not in [group["name"] for group in preferences.stored()["field_groups"]]


def test_mail_settings_are_saved():
    send(browser(ada()), "mails", overdue_hours="24", tell_editors="1", operations_address="it@contoso.example")

    rules = preferences.read()
    assert (rules.overdue_hours, rules.mail_values, rules.tell_editors) == (24, False, True)
    assert rules.operations_address == "it@contoso.example"


def test_backlog_mode_counts_edits_and_can_be_ended():
    make_field()
    preferences.change(by=ada(), backlog=True)
    screen = Screen(browser(ada()).get("/settings/mails/"))
    assert "Backlog mode" in screen.words
    assert "1 edit is waiting now." in screen.words

    send(browser(ada()), "backlog", backlog="end")

    assert not preferences.read().backlog


def test_changes_are_audited():
    send(browser(ada()), "mails", overdue_hours="24", mail_values="1")

    entry = AuditEntry.objects.get(action="settings.changed")
    assert (entry.actor, entry.channel, entry.details) == (ada(), "settings", {"setting": "overdue_hours"})
    assert (entry.value.before, entry.value.after) == ("48", "24")


def test_test_mail_is_sent_to_administrator():
    screen = Screen(browser(ada()).post("/settings/mails/test", follow=True))

    assert Message.objects.get().recipient == ada()
    assert f"A test mail to {ada().address} is on its way." in screen.words


def test_test_mail_needs_a_mail_service(settings):
    settings.MAIL_BACKEND = ""

    screen = Screen(browser(ada()).post("/settings/mails/test", follow=True))

    assert not Message.objects.exists()
    assert "No test mail was sent: no mail service is configured" in screen.words


def test_unknown_form_is_not_found():
    assert browser(ada()).post("/settings/change", {"part": "colors"}).status_code == 404


def test_only_administrators_see_settings_link():
    assert "Settings" in Screen(browser(ada()).get("/review/")).words
    assert " Settings " not in Screen(browser(rita()).get("/review/")).words.replace("Your settings", "")


def failed_mail() -> Message:
    mail = messages.queue("test", to=rita())
    assert mail is not None
    failed = {"state": JobState.FAILED, "finished_at": timezone.now(), "last_error": "address"}
    Message.objects.filter(pk=mail.pk).update(**failed, failure="“a;b” is not a valid mail address.")
    return mail


def test_failed_mail_is_listed_with_its_reason():
    failed_mail()

    screen = Screen(browser(ada()).get("/settings/mails/"))

    assert rita().name in screen.words
    assert "“a;b” is not a valid mail address." in screen.words


def test_failed_mail_is_sent_again_on_retry():
    mail = failed_mail()

    screen = Screen(browser(ada()).post(f"/settings/mails/{mail.pk}/retry", follow=True))
    again = Screen(browser(ada()).post(f"/settings/mails/{mail.pk}/retry", follow=True))

    mail.refresh_from_db()
    assert (mail.state, mail.failure) == (JobState.READY, "")
    assert "The mail is being sent again." in screen.words
    assert "no longer waiting for a retry" in again.words
    assert AuditEntry.objects.filter(action="mail.retried", actor=ada()).count() == 1
