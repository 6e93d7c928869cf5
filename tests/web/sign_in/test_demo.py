"""The demo's tours and its reset."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from dataverse_sandbox.config import EDITOR, PEOPLE
from syncapp import audit
from syncapp.accounts.people import update_from_claims
from syncapp.crm import sandbox
from syncapp.demo import content, tours
from syncapp.models import Arrival, AuditEntry, Connection, FilterRun, Message, Person, SyncRecord
from syncapp.models.jobs.job import JobState
from syncapp.models.outbox import MessageKind
from syncapp.models.person import Role
from syncapp.review import notification_rules
from tests.support import people, scenes
from tests.support.factories import make_field, make_record
from tests.support.people import browser
from tests.support.screen import Screen
from tests.support.world import World

START_OVER = "/demo/start-over"
CAST = {person.name: set(person.roles) for person in PEOPLE if person.roles}


def known_roles() -> dict[str, set[Role]]:
    return {person.name: set(person.roles) for person in Person.objects.all()}


def test_demo_offers_three_tours(client: Client, db: None, settings: Settings) -> None:
    page = client.get(reverse("sign_in")).content.decode()

    assert page.count("<details") == 3
    assert "steps done" not in page
    assert f"{settings.CRM_ORIGIN}/outlook/" in page
    assert START_OVER in page


def test_real_crm_has_no_demo_pages(client: Client, db: None, settings: Settings) -> None:
    settings.DEMO = False

    assert "<details" not in client.get(reverse("sign_in")).content.decode()
    assert [client.get(START_OVER).status_code, client.post(START_OVER).status_code] == [404, 404]
    assert client.get("/demo/").status_code == 404
    assert "/demo/" not in browser(people.rita()).get(reverse("queue")).content.decode()
    with pytest.raises(content.NotDemo):
        content.start_over()


def test_every_page_links_to_the_tours(client: Client, db: None) -> None:
    for person, page in ((people.rita(), "queue"), (people.fred(), "filters"), (people.ada(), "settings_people")):
        assert 'href="/demo/"' in browser(person).get(reverse(page)).content.decode()

    assert "Back to the portal" in Screen(browser(people.rita()).get("/demo/")).words
    assert "Review an edit" in Screen(client.get("/demo/")).words


def test_review_tour_ticks_steps_from_database_rows(client: Client, db: None) -> None:
    approve, reject = make_field(make_record("Marta")), make_field(make_record("Olivia"))
    assert tours.progress().done == set()

    Arrival.objects.create(record=approve.record, at=timezone.now())
    rita = people.make_person("Rita Lindqvist", Role.REVIEWER, signed_in_at=timezone.now())
    scenes.approved(approve, by=rita)
    half = Screen(client.get("/demo/"))
    scenes.rejected(reject, by=rita)
    audit.record("field.delivery.written", by=None, channel="worker")

    assert "Review an edit 2 of 4 steps done" in half.words
    assert any(tag == "details" and "open" in found for tag, found in half.tags)
    assert tours.progress().done == {"edited", "rita", "decided", "written"}
    assert "Review an edit 4 of 4 steps done" in Screen(client.get("/demo/")).words


def test_mail_tour_needs_mail_before_sign_in(client: Client, db: None) -> None:
    now = timezone.now()
    rob = people.make_person("Rob Marchetti", Role.REVIEWER, signed_in_at=now - timedelta(minutes=5))
    sent = {"state": JobState.DONE, "due_at": now, "finished_at": now}
    Message.objects.create(kind=MessageKind.NEW_EDITS, recipient=rob, **sent)
    assert tours.progress().done == {"mailed"}

    Person.objects.filter(pk=rob.pk).update(signed_in_at=now + timedelta(seconds=9))
    assert tours.progress().done == {"mailed", "rob"}
    scenes.approved(make_field(), by=rob)

    assert "Decide from a mail 3 of 3 steps done" in Screen(client.get("/demo/")).words


def test_filter_tour_ticks_steps_from_database_rows(client: Client, db: None) -> None:
    fred, now = people.fred(), timezone.now()
    FilterRun.objects.create(number=1, person=fred)
    assert tours.progress().done == set()

    FilterRun.objects.update(started_at=now)
    audit.record("policy.repairs", by=fred, channel="screen")
    audit.record("gate.opened", by=None, channel="system", details={"gate": "smtp"})
    assert tours.progress().done == {"run", "policy"}
    audit.record("gate.opened", by=people.ada(), channel="settings", details={"gate": "operator_stop"})

    assert "Switch filters, stop, and see who did what 3 of 3 steps done" in Screen(client.get("/demo/")).words


def test_opening_reset_page_changes_nothing(client: Client, db: None) -> None:
    people.rita()

    assert "everyone will be signed out" in client.get(START_OVER).content.decode()
    assert Person.objects.count() == 1


def test_reset_empties_portal_and_sandbox(world: World, settings: Settings) -> None:
    settings.DEMO_USERS = 20
    world.edited(jobtitle="Pilot")
    rita = browser(people.rita())
    assert rita.get(reverse("queue")).status_code == 200

    answer = rita.post(START_OVER)

    assert answer.status_code == 302
    assert [model.objects.count() for model in (SyncRecord, Session)] == [0, 0]
    assert known_roles() == CAST
    assert [entry.action for entry in AuditEntry.objects.all()] == ["connection.first_contact"]
    assert Connection.objects.get().review_writes
    assert len(world.rows("osync_syncrecords")) == 40
    assert len(world.rows("systemusers")) == 20 + len((*PEOPLE, EDITOR, "the portal itself"))
    assert rita.get(reverse("queue")).status_code == 302


def test_demo_people_exist_before_sign_in(world: World) -> None:
    content.register_people()

    assert known_roles() == CAST
    assert not Person.objects.exclude(signed_in_at=None).exists()


def test_registering_again_does_not_change_people(world: World) -> None:
    content.register_people()
    Person.objects.filter(name="Rob Marchetti").update(notify="off", is_reviewer=False)

    content.register_people()

    rob = Person.objects.get(name="Rob Marchetti")
    assert (rob.notify, rob.is_reviewer) == ("off", False)


def test_first_sign_in_finds_existing_person(world: World, settings: Settings) -> None:
    content.register_people()
    known = Person.objects.get(name="Rita Lindqvist")
    tenant_id = UUID(settings.CRM_TENANT)
    claims = next(each for each in sandbox.people(settings.CRM_ORIGIN, tenant_id=tenant_id) if each.oid == known.oid)

    rita = update_from_claims(claims)

    assert rita == known
    assert rita.signed_in_at is not None
    assert Person.objects.count() == len(CAST)


def test_reviewers_get_mail_before_sign_in(world: World) -> None:
    world.pull()
    content.register_people()

    world.edited(jobtitle="Pilot")
    notification_rules.notify_new_edits()

    assert {message.recipient.name for message in Message.objects.all() if message.recipient} == {
        "Rita Lindqvist",
        "Rob Marchetti",
        "Ada Brennan",
    }


def test_reset_needs_the_sandbox(client: Client, db: None, settings: Settings) -> None:
    settings.CRM_ORIGIN = "http://127.0.0.1:9"
    people.rita()

    answer = client.post(START_OVER)

    assert (answer.status_code, Person.objects.count()) == (503, 1)
    assert "nothing was changed" in answer.content.decode()


def test_reset_needs_a_csrf_token(db: None) -> None:
    people.rita()

    assert Client(enforce_csrf_checks=True).post(START_OVER).status_code == 403
    assert Person.objects.count() == 1
