"""Refusals of the CRM, by operation and status: named on every page, in /healthz and by mail until they are over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from syncapp import preferences, tasks
from syncapp.connection import clients
from syncapp.health import kinds
from syncapp.jobs import breakers
from syncapp.mirror import columns
from syncapp.mirror.edits import live_values
from syncapp.mirror.filters import schedule
from syncapp.models import (
    Alert,
    Breaker,
    CrmUser,
    Delivery,
    FilterRow,
    FilterRun,
    FilterRunItem,
    FilterUser,
    Heartbeat,
    Message,
    SyncField,
    SyncRecord,
)
from syncapp.models.mirror.sync_field import FieldDelivery
from syncapp.models.sync_filters.run import Outcome
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES
from syncapp.notifications import alerts
from syncapp.sync_filters.runs import creation, meetings, transitions
from tests.support.people import ada, browser, fred, rita
from tests.support.screen import Screen
from tests.support.servers import Server, valkey
from tests.support.world import World

# The statistics that a full read refreshes lock SQLite's schema until the end of the transaction.
pytestmark = pytest.mark.django_db(transaction=True)

UNKNOWN_NAME = "0x80060888"
# Every status with which the CRM may refuse for good; an unknown table or column has a code of its own.
STATUSES = {400: UNKNOWN_NAME, 401: "", 403: "0x80040220", 404: UNKNOWN_NAME, 405: "0x80040800", 412: "", 501: ""}


@pytest.fixture(scope="module")
def broker() -> Iterator[Server]:
    with valkey() as server:
        yield server


@pytest.fixture
def portal(world: World, settings: Settings, broker: Server) -> World:
    """Return a healthy portal that has read everything, and tells its operators of troubles."""
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


@dataclass
class Operation:
    """A way to reach the CRM: how to try it, the request that is refused, and the breaker that names it."""

    name: str
    rule: dict[str, Any]
    breaker: str
    attempt: Callable[[World], None]
    asked: str
    forbidden: str = ""
    without: tuple[int, ...] = ()
    prepare: Callable[[World], None] = field(default=lambda world: None)

    def breaker_of(self, status: int) -> str:
        return {401: Breaker.Name.CRM_CREDENTIALS.value, 403: self.forbidden or self.breaker}.get(status, self.breaker)


def read_edits(world: World) -> None:
    tasks.pull()


def read_definitions(world: World) -> None:
    columns.expire("contact")
    tasks.pull()


def first_contact(world: World) -> None:
    clients.verified_client.cache_clear()
    tasks.pull()


def read_editors(world: World) -> None:
    CrmUser.objects.update(read_at=timezone.now() - timedelta(days=2))
    tasks.pull()


def read_companies(world: World) -> None:
    SyncRecord.objects.update(company=None)
    tasks.pull()


def read_live_values(world: World) -> None:
    edit = SyncRecord.objects.filter(waiting_count__gt=0).order_by("pk")[0]
    answer = browser(rita()).post(f"/review/{edit.pk}/read-again", follow=True)
    assert ("refused to be read" in Screen(answer).words) is live_values.are_refused()


def take_inventory(world: World) -> None:
    schedule.request()
    tasks.take_inventory()


def decide(world: World) -> None:
    """Approve an edit, if none is left from an attempt that was refused."""
    if not Delivery.objects.exclude(state="done").exists():
        edited = world.edited(jobtitle=f"Pilot {SyncField.objects.count()}")
        world.decide(approve=(edited["jobtitle"],))
        world.forward(1)


def deliver(world: World) -> None:
    world.forward(60 * 20)
    world.deliver()


def plan_run(world: World) -> None:
    """Start a run over one user who has such filters, if none is left from an attempt that was refused."""
    if FilterRunItem.objects.all().due().exists():
        return
    filters = FilterRow.objects.for_outlook().filter(table__in=APPOINTMENT_TABLES)
    owners = FilterUser.objects.people().filter(pk__in=filters.values("owner_id"))
    is_off = not filters.filter(owner_id__in=owners.values("pk"), state=0).exists()
    users = list(owners.values_list("pk", flat=True))
    run = creation.create_run(users, creation.RunSpec(APPOINTMENT_TABLES, on=is_off), by=fred())
    while not meetings.count_next(run, crm=clients.crm()):
        pass
    run.refresh_from_db()
    held = run.items.filter(plan="held").values_list("pk", flat=True)
    transitions.release_items(run, list(held), by=fred())
    transitions.start(run, by=fred())


def switch(world: World) -> None:
    run = FilterRun.objects.order_by("-number")[0]
    if run.items.filter(outcome=Outcome.DENIED).exists() and breakers.all_open():
        take_inventory(world)  # which finds out whether filters can be switched
    FilterRunItem.objects.exclude(due_at=None).update(due_at=timezone.now() - timedelta(seconds=2))
    tasks.switch_filters(str(run.pk))


def refused(table: str, method: str = "GET", **rule: str) -> dict[str, Any]:
    return {"method": method, "table": table, **rule}


Names = Breaker.Name
READING = {"breaker": Names.REFUSED_READ.value, "forbidden": Names.FORBIDDEN_READ.value}
REVIEW = {"breaker": Names.REFUSED_REVIEW.value, "forbidden": Names.FORBIDDEN_REVIEW.value}
INVENTORY = {"breaker": Names.REFUSED_INVENTORY.value, "forbidden": Names.FORBIDDEN_FILTERS.value}
NAMING = Names.REFUSED_NAMES.value

OPERATIONS = [
    Operation("fields", refused("osync_syncfield"), attempt=read_edits, asked="GET osync_syncfields", **READING),
    Operation("records", refused("osync_syncrecord"), attempt=read_edits, asked="GET osync_syncrecords", **READING),
    Operation(
        "definitions",
        {"path": "EntityDefinitions"},
        attempt=read_definitions,
        asked="GET EntityDefinitions",
        **READING,
    ),
    Operation("first contact", {"path": "WhoAmI"}, attempt=first_contact, asked="GET WhoAmI", **READING),
    Operation("editors", refused("systemuser"), NAMING, read_editors, "GET systemusers"),
    Operation("companies", refused("contact"), NAMING, read_companies, "GET contacts"),
    Operation(
        "live values",
        refused("contact", path="contacts("),
        Names.REFUSED_LIVE.value,
        read_live_values,
        "GET contacts",
        without=(401,),  # the pull reports it
    ),
    Operation(
        "delivery reads fields",
        refused("osync_syncfield"),
        attempt=deliver,
        asked="GET osync_syncfields",
        prepare=decide,
        **REVIEW,
    ),
    Operation(
        "delivery reads records",
        refused("osync_syncrecord"),
        attempt=deliver,
        asked="GET osync_syncrecords",
        prepare=decide,
        **REVIEW,
    ),
    Operation(
        "delivery writes contacts",
        refused("contact", "PATCH"),
        attempt=deliver,
        asked="PATCH contacts, osync_syncfields",
        prepare=decide,
        without=(412,),  # the contact changed
        **REVIEW,
    ),
    Operation(
        "delivery writes marks",
        refused("osync_syncfield", "PATCH"),
        attempt=deliver,
        asked="PATCH contacts, osync_syncfields",
        prepare=decide,
        without=(412,),
        **REVIEW,
    ),
    *(
        Operation(f"inventory of {name}", refused(table), attempt=take_inventory, asked=f"GET {name}", **INVENTORY)
        for name, table in {
            "organizations": "organization",
            "savedqueries": "savedquery",
            "businessunits": "businessunit",
            "teams": "team",
            "systemusers": "systemuser",
            "mailboxes": "mailbox",
        }.items()
    ),
    Operation(
        "inventory of filters",
        refused("userquery"),
        Names.REFUSED_INVENTORY.value,
        take_inventory,
        "GET userqueries",
        without=(403,),  # a finding about two kinds of access, tested below
    ),
    Operation(
        "switching",
        refused("userquery", "PATCH"),
        Names.REFUSED_FILTERS.value,
        switch,
        "PATCH userqueries",
        without=(412,),  # the filter changed
        prepare=plan_run,
    ),
]


EACH_OPERATION = pytest.mark.parametrize("operation", [pytest.param(each, id=each.name) for each in OPERATIONS])


@EACH_OPERATION
def test_refusal_is_named_until_it_is_over(portal: World, operation: Operation) -> None:
    """Each operation is refused with two statuses that name different breakers, and with one of the others in turn."""
    others = [status for status in STATUSES if status not in (403, 404)]
    for status in (403, 404, others[OPERATIONS.index(operation) % len(others)]):
        if status not in operation.without:
            refuse_and_recover(portal, operation, status)


@pytest.mark.long
@EACH_OPERATION
def test_every_refusal_is_named_until_over(portal: World, operation: Operation) -> None:
    for status in STATUSES:
        if status not in operation.without:
            refuse_and_recover(portal, operation, status)


@pytest.mark.parametrize(
    "name", ["fields", "companies", "live values", "delivery reads fields", "inventory of mailboxes", "switching"]
)
def test_refusal_without_breaker_is_not_shown(portal: World, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    operation = next(each for each in OPERATIONS if each.name == name)
    monkeypatch.setattr(breakers, "refuse", lambda name, error: None)
    operation.prepare(portal)
    portal.faults({**operation.rule, "status": 404, "code": UNKNOWN_NAME})

    operation.attempt(portal)

    workers_answer()
    assert health()["ill"] == []
    assert "Nothing is blocked." in Screen(browser(ada()).get("/settings/connection/")).words


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
    assert "No users were read yet" in users
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
    title = kinds.of_breaker(code).title
    queue = Screen(browser(rita()).get("/review/?tab=parked"))
    page = Screen(browser(ada()).get("/settings/connection/"))
    answer = health()

    for screen in (queue, page):
        assert title in screen.words
        assert "CRM connected" not in screen.words
    assert asked in page.words
    assert "No such luck." in page.words
    assert kinds.of_breaker(code).remedy in page.words
    for calm in ("Nothing is blocked.", "Running"):
        assert calm not in page.words
    assert (answer["well"], answer["ill"]) == (False, [code])
    assert answer["troubles"][0]["asked"].startswith(asked)
    assert "No such luck" not in str(answer), "the CRM's words may quote people's data"
    assert_alerted(code, title)


def assert_alerted(code: str, title: str) -> None:
    alerts.send_alerts()
    Alert.objects.update(first_seen_at=F("first_seen_at") - timedelta(seconds=80))
    alerts.send_alerts()

    details = Message.objects.filter(kind="operations").latest("created_at").details
    assert (details["code"], details["text"], details["over"]) == (code, title, False)
    assert "No such luck." in details["reason"]


def assert_all_is_well() -> None:
    workers_answer()
    assert health()["ill"] == []
    assert "CRM connected" in Screen(browser(rita()).get("/review/")).words
    assert "Nothing is blocked." in Screen(browser(ada()).get("/settings/connection/")).words
    alerts.send_alerts()
    assert Message.objects.filter(kind="operations").latest("created_at").details["over"] is True


def assert_nothing_failed() -> None:
    """Check that what had to wait was done, and that the refusal cost it no attempt."""
    assert not SyncField.objects.filter(delivery=FieldDelivery.FAILED).exists()
    assert not Delivery.objects.filter(attempts__gt=1).exists()
    assert not FilterRunItem.objects.filter(outcome=Outcome.FAILED).exists()
