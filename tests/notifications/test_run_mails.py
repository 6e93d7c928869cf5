"""Mails about filter runs."""

from __future__ import annotations

import uuid

import pytest

from syncapp.capture import rule
from syncapp.models import FilterPolicy, FilterRun, FilterRunChange, Message
from syncapp.models.capture.settings import CaptureRule
from syncapp.models.person import Role
from syncapp.models.sync_filters.run import NEVER, Outcome
from syncapp.sync_filters.runs import creation, transitions, undo
from tests.capture.switches import observe
from tests.notifications.conftest import PostOffice, send_due
from tests.support.people import ada, fred, make_person
from tests.web.filters.test_plan import people
from tests.web.filters.test_run import OFF, filters_for, finish_items

__all__ = ["people"]


@pytest.fixture
def run(people) -> FilterRun:
    filters_for(people)
    return creation.create_run([user.pk for user in people], OFF, by=fred())


def test_second_person_gets_request_with_link(run, post_office: PostOffice, settings):
    settings.SECOND_PERSON_ABOVE = 2
    FilterRun.objects.update(words="Team North")
    transitions.start(run, by=fred(), confirmer=ada())
    send_due()

    mail = post_office.mail()

    assert (mail.recipients, mail.subject) == (
        "ada@brandvik.example",
        "Fred asks you to confirm: Contact off for 5 users",
    )
    for words in ("Users: Team North", "Reason: Riva", "must confirm this list of users", f"/filters/runs/{run.pk}/"):
        assert words in mail.text
        assert words in mail.html


def test_confirmed_run_sends_no_request(run, post_office: PostOffice, settings):
    settings.SECOND_PERSON_ABOVE = 2
    transitions.start(run, by=fred(), confirmer=ada())
    transitions.confirm(run, by=ada())
    send_due()

    assert post_office.mails() == []


def test_pause_and_end_of_run_are_mailed(run, post_office: PostOffice, settings):
    settings.SECOND_PERSON_ABOVE = 2
    transitions.start(run, by=fred(), confirmer=ada())
    transitions.confirm(run, by=ada())
    Message.objects.all().delete()
    transitions.pause(run, by=None, because="failures")
    send_due()
    assert {mail.recipients for mail in post_office.mails()} == {"fred@brandvik.example", "ada@brandvik.example"}
    assert "more users failed than its limit allows" in post_office.mails()[0].text
    post_office.server.application.mailbox.empty()

    transitions.resume(run, by=fred())
    finish_items(run, Outcome.DONE, users=4)
    finish_items(run, Outcome.FAILED)
    transitions.end_if_finished(run)
    send_due()

    mail = post_office.mails()[0]
    assert mail.subject == "Ended: Contact off for 5 users"
    assert "Done: 4\nFailed: 1" in mail.text.replace("\r", "")


def test_short_run_sends_no_mail(run):
    transitions.start(run, by=fred())
    finish_items(run, Outcome.DONE, users=5)
    transitions.end_if_finished(run)

    assert not Message.objects.exists()


def test_undo_notifies_starter_confirmer_and_policy_owner(run, post_office: PostOffice):
    frida, vic = make_person("Frida", *fred().roles), make_person("Vic", *fred().roles)
    policy = FilterPolicy.objects.create(name="Off", team_id=uuid.uuid4(), author=vic, due_at=NEVER)
    FilterRun.objects.filter(pk=run.pk).update(confirmed_by=ada(), policy=policy)
    run.refresh_from_db()
    transitions.start(run, by=fred())
    finish_items(run, Outcome.DONE, users=5)
    FilterRunChange.objects.filter(item__run=run).update(written=True)
    transitions.end_if_finished(run)
    Message.objects.all().delete()

    undo.undo(FilterRun.objects.get(pk=run.pk), by=frida)
    send_due()

    told = {f"{name}@brandvik.example" for name in ("fred", "ada", "vic")}
    assert {mail.recipients for mail in post_office.mails()} == told
    assert {mail.subject for mail in post_office.mails()} == {"Frida is undoing run 1: Contact on for 5 users"}
    assert "The filters are restored as run 1 found them" in post_office.mails()[0].text


def test_undo_by_starter_does_not_notify_starter(run):
    transitions.start(run, by=fred())
    finish_items(run, Outcome.DONE, users=5)
    FilterRunChange.objects.filter(item__run=run).update(written=True)
    transitions.end_if_finished(run)

    undo.undo(FilterRun.objects.get(pk=run.pk), by=fred())

    assert not Message.objects.exists()


@pytest.fixture
def observing(settings, db) -> None:
    settings.CAPTURE = "audit"
    observe()


def test_other_administrators_are_asked_to_confirm_rule(observing, post_office: PostOffice):
    make_person("Bob", Role.ADMINISTRATOR)
    make_person("Rita", Role.REVIEWER)
    rule.request_rule(CaptureRule.ORIGINAL, by=ada())
    send_due()

    mail = post_office.mail()
    assert (mail.recipients, mail.subject) == (
        "bob@brandvik.example",
        "Ada asks you to confirm the original rule of capture",
    )
    for words in ("A second administrator must confirm it.", "/settings/capture/", "because you can confirm it"):
        assert words in mail.text
        assert words in mail.html


def test_withdrawn_rule_request_sends_no_mail(observing, post_office: PostOffice):
    make_person("Bob", Role.ADMINISTRATOR)
    rule.request_rule(CaptureRule.ORIGINAL, by=ada())
    rule.withdraw(by=ada())
    send_due()

    assert post_office.mails() == []
