"""Refusals of the CRM, by operation and status: named on every page, in /healthz and by mail until they are over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from syncapp import preferences, tasks
from syncapp.health import kinds
from syncapp.jobs import breakers
from syncapp.models import (
    Alert,
    Breaker,
    Delivery,
    FilterRunItem,
    FilterUser,
    Heartbeat,
    Message,
    SyncField,
)
from syncapp.models.mirror.sync_field import FieldDelivery
from syncapp.models.sync_filters.run import Outcome
from syncapp.notifications import alerts
from tests.health.operations import (
    MORE_OPERATIONS,
    OPERATIONS,
    OPERATIONS_OF_CAPTURE,
    STATUSES,
    UNKNOWN_NAME,
    Operation,
    refused,
    take_inventory,
)
from tests.support.people import ada, browser, fred, rita
from tests.support.screen import Screen
from tests.support.servers import Server, valkey
from tests.support.world import World

# The statistics that a full read refreshes lock SQLite's schema until the end of the transaction.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def broker() -> Iterator[Server]:
    with valkey() as server:
        yield server


@pytest.fixture
def portal(world: World, settings: Settings, broker: Server) -> World:
    """Return a healthy portal that has read everything, and reports troubles to its operators."""
    preferences.change(by=None, operations_address="ops@contoso.example")
    settings.REDIS_URL = broker.url
    workers_answer()
    world.outlook(world.contact(1), department="Waiting")
    tasks.pull()
    tasks.take_inventory()
    assert (health()["ill"], health()["troubles"]) == ([], [])
    return world


def workers_answer() -> None:
    Heartbeat.objects.update_or_create(name="worker", defaults={"answered_at": timezone.now()})


def health() -> Any:
    return Client().get("/healthz").json()


def each_of(operations: list[Operation]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("operation", [pytest.param(each, id=each.name) for each in operations])


@each_of(OPERATIONS)
def test_refusal_is_named_until_it_is_over(portal: World, operation: Operation) -> None:
    """Each operation is refused with one of the statuses in turn, so that each status and each breaker occurs."""
    refuse_and_recover(portal, operation, status_in_turn(operation))


def status_in_turn(operation: Operation) -> int:
    statuses, number = [404, 403, 400, 401, 405, 412, 501], OPERATIONS.index(operation)
    return next(status for status in statuses[number % 7 :] + statuses if status not in operation.without)


def test_assigned_statuses_cover_every_breaker() -> None:
    assert {status_in_turn(each) for each in OPERATIONS} == set(STATUSES)
    breakers_of_all = {each.breaker_of(status) for each in OPERATIONS for status in STATUSES}
    assert {each.breaker_of(status_in_turn(each)) for each in OPERATIONS} == breakers_of_all


@pytest.mark.long
@each_of([*OPERATIONS, *MORE_OPERATIONS])
def test_refusal_with_each_status_is_named_until_over(portal: World, operation: Operation) -> None:
    for status in STATUSES:
        if status not in operation.without:
            refuse_and_recover(portal, operation, status)


@pytest.fixture
def capturing(portal: World, settings: Settings) -> Iterator[World]:
    """Return the same portal, which also reads the audit log."""
    settings.CAPTURE = "audit"
    portal.audit(enabled=True, delay_seconds=0, jitter_seconds=0)
    tasks.read_audit_log()
    assert health()["ill"] == []
    yield portal
    portal.audit(enabled=False)


def test_refused_audit_log_is_named_until_over(capturing: World) -> None:
    refuse_and_recover(capturing, OPERATIONS_OF_CAPTURE[0], 403)


@pytest.mark.long
@each_of(OPERATIONS_OF_CAPTURE)
def test_every_capture_refusal_is_named_until_over(capturing: World, operation: Operation) -> None:
    for status in STATUSES:
        if status not in operation.without:
            refuse_and_recover(capturing, operation, status)


@pytest.mark.parametrize(
    "name",
    [
        *("fields", "delivery reads fields", "switching"),
        *(
            pytest.param(name, marks=pytest.mark.long)
            for name in ("companies", "live values", "inventory of mailboxes")
        ),
    ],
)
def test_refusal_without_breaker_is_not_shown(portal: World, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    operation = next(each for each in OPERATIONS if each.name == name)
    monkeypatch.setattr(breakers, "record_refusal", lambda name, error: None)
    operation.prepare(portal)
    portal.faults({**operation.rule, "status": 404, "code": UNKNOWN_NAME})

    operation.attempt(portal)

    workers_answer()
    assert health()["ill"] == []
    assert "No CRM calls or mails are held back." in Screen(browser(ada()).get("/settings/connection/")).words


def test_missing_staging_tables_leave_filters_working(world: World, settings: Settings, broker: Server) -> None:
    settings.REDIS_URL = broker.url
    workers_answer()
    world.reset(bare=True)

    tasks.pull()
    tasks.take_inventory()

    queue = Screen(browser(rita()).get("/review/")).words
    assert "The CRM refuses reads of staged edits." in queue
    assert "New edits do not arrive at the moment" in queue
    assert "appear here within seconds" not in queue
    assert FilterUser.objects.exclude(filters_read_at=None).exists()
    assert health()["ill"] == ["refused:read"]


def test_refused_inventory_leaves_review_working(world: World, settings: Settings, broker: Server) -> None:
    settings.REDIS_URL = broker.url
    workers_answer()
    world.faults({**refused("organization"), "status": 404, "code": UNKNOWN_NAME})

    tasks.take_inventory()
    field = world.edited(jobtitle="Pilot")["jobtitle"]
    world.decide(approve=(field,))
    world.deliver()

    users = Screen(browser(fred()).get("/filters/")).words
    assert "No users have been read yet" in users
    assert "are being read" not in users
    assert world.value(world.contact(), "jobtitle") == "Pilot"
    assert health()["ill"] == ["refused:inventory"]


@pytest.mark.parametrize(("status", "expected"), [(403, ["refused:inventory"]), (0, [])])
def test_lack_of_access_to_filters_is_named(portal: World, status: int, expected: list[str]) -> None:
    portal.faults(*([{"table": "userquery", "status": status}] if status else []))

    take_inventory(portal)

    workers_answer()
    assert health()["ill"] == expected
    portal.heal()
    Breaker.objects.update(next_probe_at=F("next_probe_at") - timedelta(hours=1))
    take_inventory(portal)
    assert health()["ill"] == []


def refuse_and_recover(portal: World, operation: Operation, status: int) -> None:
    operation.prepare(portal)
    portal.faults({**operation.rule, "status": status, "code": STATUSES[status], "message": "No such luck."})
    operation.attempt(portal)
    assert_named_everywhere(operation.breaker_of(status), operation.asked if status != 401 else "")

    portal.heal()
    Breaker.objects.update(next_probe_at=F("next_probe_at") - timedelta(hours=1))
    operation.attempt(portal)
    tasks.pull()
    assert not Breaker.objects.exclude(opened_at=None).exists(), status
    assert_all_is_well()
    assert_nothing_failed()


def assert_named_everywhere(code: str, asked: str) -> None:
    workers_answer()
    title = kinds.kind_of_breaker(code).title
    queue = Screen(browser(rita()).get("/review/?tab=parked"))
    page = Screen(browser(ada()).get("/settings/connection/"))
    answer = health()

    for screen in (queue, page):
        assert title in screen.words
        assert "CRM connected" not in screen.words
    assert asked in page.words
    assert "No such luck." in page.words
    assert kinds.kind_of_breaker(code).remedy in page.words
    for calm in ("No CRM calls or mails are held back.", "Running"):
        assert calm not in page.words
    assert (answer["well"], answer["ill"]) == (False, [code])
    assert answer["troubles"][0]["asked"].startswith(asked)
    assert "No such luck" not in str(answer), "the CRM's words may quote people's data"
    assert_alerted(code, title)


def assert_alerted(code: str, title: str) -> None:
    alerts.queue_alerts()
    Alert.objects.update(first_seen_at=F("first_seen_at") - timedelta(seconds=80))
    alerts.queue_alerts()

    details = Message.objects.filter(kind="operations").latest("created_at").details
    assert (details["code"], details["text"], details["over"]) == (code, title, False)
    assert "No such luck." in details["reason"]


def assert_all_is_well() -> None:
    workers_answer()
    assert health()["ill"] == []
    assert "CRM connected" in Screen(browser(rita()).get("/review/")).words
    assert "No CRM calls or mails are held back." in Screen(browser(ada()).get("/settings/connection/")).words
    alerts.queue_alerts()
    assert Message.objects.filter(kind="operations").latest("created_at").details["over"] is True


def assert_nothing_failed() -> None:
    """Check that delayed work was done, and that the refusal cost no attempt."""
    assert not SyncField.objects.filter(delivery=FieldDelivery.FAILED).exists()
    assert not Delivery.objects.filter(attempts__gt=1).exists()
    assert not FilterRunItem.objects.filter(outcome=Outcome.FAILED).exists()
