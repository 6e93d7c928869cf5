"""The demo's tours and its reset."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from dataverse_sandbox.config import EDITOR, PEOPLE
from syncapp.accounts.people import update_from_claims
from syncapp.crm import sandbox
from syncapp.demo import content
from syncapp.models import AuditEntry, Connection, Message, Person, SyncRecord
from syncapp.models.person import Role
from syncapp.review import notification_rules
from tests.support import people
from tests.support.people import browser
from tests.support.world import World

START_OVER = "/demo/start-over"
CAST = {person.name: set(person.roles) for person in PEOPLE if person.roles}


def known_roles() -> dict[str, set[Role]]:
    return {person.name: set(person.roles) for person in Person.objects.all()}


def test_demo_offers_three_tours(client: Client, db: None, settings: Settings) -> None:
    page = client.get(reverse("sign_in")).content.decode()

    assert page.count("<details>") == 3
    assert f"{settings.CRM_ORIGIN}/outlook/" in page
    assert START_OVER in page


def test_real_crm_has_no_demo_pages(client: Client, db: None, settings: Settings) -> None:
    settings.DEMO = False

    assert "<details>" not in client.get(reverse("sign_in")).content.decode()
    assert [client.get(START_OVER).status_code, client.post(START_OVER).status_code] == [404, 404]
    with pytest.raises(content.NoDemo):
        content.start_over()


def test_opening_reset_page_changes_nothing(client: Client, db: None) -> None:
    people.rita()

    assert "everyone is signed out" in client.get(START_OVER).content.decode()
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


def test_existing_people_are_unchanged(world: World) -> None:
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
