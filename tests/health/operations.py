"""The portal's operations in the CRM, each with the breaker that a refusal opens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone

from syncapp import tasks
from syncapp.connection import clients
from syncapp.crm.directory.records import SyncMethod
from syncapp.jobs import breakers
from syncapp.mirror import columns
from syncapp.mirror.edits import live_values
from syncapp.mirror.filters import schedule
from syncapp.models import (
    Breaker,
    Capture,
    CrmUser,
    Delivery,
    FilterRow,
    FilterRun,
    FilterRunItem,
    FilterUser,
    SyncField,
    SyncRecord,
)
from syncapp.models.sync_filters.run import Outcome
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES
from syncapp.sync_filters.runs import creation, list_changes, meetings, transitions
from tests.support.people import browser, fred, rita
from tests.support.screen import Screen
from tests.support.world import World

UNKNOWN_NAME = "0x80060888"
# Every status with which the CRM may refuse for good; an unknown table or column has a code of its own.
STATUSES = {400: UNKNOWN_NAME, 401: "", 403: "0x80040220", 404: UNKNOWN_NAME, 405: "0x80040800", 412: "", 501: ""}


@dataclass
class Operation:
    """An operation in the CRM: how to try it, the request that is refused, and the breaker that opens."""

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
    assert ("refused the read request" in Screen(answer).words) is live_values.are_refused()


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
    list_changes.release(run, list(held), by=fred())
    transitions.start(run, by=fred())


def switch(world: World) -> None:
    run = FilterRun.objects.order_by("-number")[0]
    if run.items.filter(outcome=Outcome.DENIED).exists() and breakers.all_open():
        take_inventory(world)  # which finds out whether filters can be switched
    FilterRunItem.objects.exclude(due_at=None).update(due_at=timezone.now() - timedelta(seconds=2))
    tasks.switch_filters(str(run.pk))


def first_inventory(world: World) -> None:
    clients.verified_client.cache_clear()
    take_inventory(world)


def plan_methods(world: World) -> None:
    """Start a run over the mailbox methods of a few users, if none is left from an attempt that was refused."""
    if FilterRunItem.objects.all().due().exists():
        return
    users = FilterUser.objects.people().filter(mailbox_id__isnull=False, is_disabled=False)
    is_off = users.filter(method=SyncMethod.NONE).count() == users.count()
    spec = creation.RunSpec(method=SyncMethod.SERVER_SIDE if is_off else SyncMethod.NONE)
    run = creation.create_run(list(users.values_list("pk", flat=True)), spec, by=fred())
    while not meetings.count_next(run, crm=clients.crm()):
        pass
    run.refresh_from_db()
    held = run.items.filter(plan="held").values_list("pk", flat=True)
    list_changes.release(run, list(held), by=fred())
    transitions.start(run, by=fred())


def change_contact(world: World) -> None:
    world.outlook(world.contact(2), department=f"Team {SyncField.objects.count()}")


def read_audit_log(world: World) -> None:
    tasks.read_audit_log()


def read_switches(world: World) -> None:
    Capture.objects.update(switches_read_at=timezone.now() - timedelta(days=2))
    tasks.read_audit_log()


def refused(table: str, method: str = "GET", **rule: str) -> dict[str, Any]:
    return {"method": method, "table": table, **rule}


Names = Breaker.Name
READING = {"breaker": Names.REFUSED_READ.value, "forbidden": Names.FORBIDDEN_READ.value}
REVIEW = {"breaker": Names.REFUSED_REVIEW.value, "forbidden": Names.FORBIDDEN_REVIEW.value}
INVENTORY = {"breaker": Names.REFUSED_INVENTORY.value, "forbidden": Names.FORBIDDEN_FILTERS.value}
NAMING = Names.REFUSED_NAMES.value
AUDITS = {"breaker": Names.REFUSED_AUDIT.value, "forbidden": Names.FORBIDDEN_AUDIT.value}

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
        without=(401,),  # the pull reports this refusal
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

# These use the same code as other operations of their step.
MORE_OPERATIONS = [
    Operation(
        "delivery reads contacts",
        refused("contact"),
        attempt=deliver,
        asked="GET contacts",
        prepare=decide,
        **REVIEW,
    ),
    Operation(
        "delivery closes records",
        refused("osync_syncrecord", "PATCH"),
        attempt=deliver,
        asked="PATCH contacts, osync_syncfields",
        prepare=decide,
        without=(412,),
        **REVIEW,
    ),
    Operation("first inventory", {"path": "WhoAmI"}, attempt=first_inventory, asked="GET WhoAmI", **INVENTORY),
    Operation(
        "inventory of memberships",
        refused("teammembership"),
        attempt=take_inventory,
        asked="GET teammemberships",
        **INVENTORY,
    ),
    Operation(
        "inventory of definitions",
        {"path": "EntityDefinitions"},
        attempt=take_inventory,
        asked="GET EntityDefinitions",
        **INVENTORY,
    ),
    Operation(
        "mailbox methods",
        refused("mailbox", "PATCH"),
        Names.REFUSED_FILTERS.value,
        switch,
        "PATCH mailboxes",
        without=(412,),  # the mailbox changed
        prepare=plan_methods,
    ),
]
OPERATIONS_OF_CAPTURE = [
    Operation(
        "audit log",
        refused("audit"),
        attempt=read_audit_log,
        asked="GET audits",
        prepare=change_contact,
        **AUDITS,
    ),
    Operation("auditing", refused("organization"), attempt=read_switches, asked="GET organizations", **AUDITS),
    Operation(
        "audited columns", {"path": "EntityDefinitions"}, attempt=read_switches, asked="GET EntityDefinitions", **AUDITS
    ),
    Operation(
        "changed contacts",
        refused("contact"),
        attempt=read_audit_log,
        asked="GET contacts",
        prepare=change_contact,
        **AUDITS,
    ),
]
