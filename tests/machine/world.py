"""The environment of a run: the CRM and its people, the transport, the portal, its reviewers and the oracle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import pytest
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from syncapp.connection.clients import check_organization, names, review_writes_are_enabled
from syncapp.crm.auth.sign_in import ClientCredentials, demo_session
from syncapp.crm.client import CrmClient
from syncapp.jobs import breakers
from syncapp.mirror import columns
from syncapp.mirror.edits import pull, rows
from syncapp.models import Breaker, Decision, Delivery, MirrorCursor, SyncField
from syncapp.models.jobs.job import OPEN_STATES
from syncapp.models.mirror.sync_field import FieldDelivery
from tests.machine import clock, failpoints, invariants
from tests.machine.crm import Sandbox
from tests.machine.expectations import Expectations
from tests.machine.failpoints import Failpoints
from tests.machine.ledger import CONTACT, Crm, Ledger
from tests.machine.oracle import Oracle, Violation
from tests.machine.portal import Portal
from tests.machine.reviewers import Form, Reviewers, create_reviewers
from tests.machine.transport import FaultyTransport

Choice = TypeVar("Choice")
MAX_ROUNDS = 15
CLOSED_BY_SUCCESS = (*breakers.CONNECTION_BREAKERS, Breaker.Name.FORBIDDEN_READ, Breaker.Name.REFUSED_READ)


def pick(rows: Sequence[Choice], number: int) -> Choice | None:
    """Return a row by number, or None if there are none, so that drawn values never depend on the state."""
    return rows[number % len(rows)] if rows else None


class World:
    """The environment, created once per test; `begin` resets it for each run."""

    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sandbox = Sandbox(url)
        self.points = Failpoints()
        self.line = _transport()
        client = CrmClient(transport=self.line, names=names(), writes_allowed=review_writes_are_enabled)
        self.portal = Portal(client, self.points)
        self.portal.install(monkeypatch)
        failpoints.install(self.points, monkeypatch)
        # Small pages and chunks, so that a few rows make several.
        monkeypatch.setattr(pull, "PAGE_SIZE", 4)
        monkeypatch.setattr(rows, "CHUNK", 3)
        self._people = create_reviewers()
        check_organization(client.who_am_i().organization_id)
        columns.refresh(client)

    def begin(self) -> None:
        """Reset to a CRM without edits, an empty portal and no faults."""
        self.points.clear()
        self.line.clear()
        self.portal.begin()
        crm = Crm()
        crm.rows[CONTACT] = self.sandbox.begin()
        self.contacts = list(crm.rows[CONTACT])
        self.expected = Expectations()
        self.oracle = Oracle(Ledger(self.sandbox.ledger), self.expected, crm)
        self.reviewers = Reviewers(self._people, self.expected)
        self.forms: list[Form] = []

    def check(self) -> None:
        """Check the invariants after a step. Raises Violation."""
        self.oracle.check_new_writes()
        invariants.check_tables()

    # --- rows for the rules, in the order of the ledger, so that a run can be repeated -------------------

    def fields(self, *conditions: Q) -> list[SyncField]:
        """Return the fields that meet the conditions, in the order of staging."""
        order = {pk: position for position, pk in enumerate(self.oracle.crm.fields())}
        found = SyncField.objects.filter(*conditions, record__is_stub=False).select_related("record")
        return sorted(found, key=lambda field: order.get(str(field.pk), -1))

    def decidable(self) -> list[SyncField]:
        """Return fields of the queue; if it is empty all others, to test that they are refused."""
        return self.fields(Q(decision="pending") | Q(delivery=FieldDelivery.FAILED)) or self.fields()

    def recover_fully(self) -> None:
        """End all faults and let the portal close its breakers."""
        self.sandbox.recover()
        breakers.reset(Breaker.Name.OPERATOR_STOP)
        if breakers.all_open():
            clock.forward(clock.JUMPS["a day"])
            self.portal.tick()
        self.portal.pull()

    # --- completing all work -------------------------------------------------------------------------------------

    def run_until_idle(self) -> None:
        """End all faults and let time pass until the portal has finished its work. Raises Violation."""
        self.points.clear()
        self.line.clear()
        self.sandbox.recover()
        breakers.reset(Breaker.Name.OPERATOR_STOP)
        for _ in range(MAX_ROUNDS):
            if self._is_idle_after_round():
                break
        else:
            raise Violation(f"still busy after {MAX_ROUNDS} rounds: {_open_work()}")
        invariants.check_all_edits_visible(self.oracle)
        try:
            invariants.check_idle(self.oracle)
        except Violation:
            self._run_nightly_repair()

    def _run_nightly_repair(self) -> None:
        """Run the nightly full read, which may repair differences as long as nothing was lost."""
        self.portal.request_full_reads()
        self.portal.pull()
        self.check()
        invariants.check_idle(self.oracle)

    def _is_idle_after_round(self) -> bool:
        before = self.oracle.seq
        clock.forward(clock.JUMPS["a day"])
        begun = timezone.now()
        began_before = MirrorCursor.objects.exclude(next_link="").exists()
        MirrorCursor.objects.update(pulled_at=None)
        self.portal.tick()
        self.portal.pull()
        self.check()
        # A full or continued read ends with the state in which it began; only the next read has later edits.
        unread = MirrorCursor.objects.filter(Q(pulled_at=None) | Q(full_read_at__gte=begun)).exists()
        was_read = not (began_before or unread)
        is_idle = not Delivery.objects.filter(state__in=OPEN_STATES).exists() and breakers.all_closed(CLOSED_BY_SUCCESS)
        is_finished = self.oracle.seq == before and not Decision.objects.filter(state="open").exists()
        return was_read and is_idle and is_finished


def _open_work() -> str:
    open_breakers = list(Breaker.objects.filter(opened_at__isnull=False).values_list("name", flat=True))
    work = list(Delivery.objects.filter(state__in=OPEN_STATES).values_list("state", "attempts", "last_error"))
    return f"open breakers {open_breakers}, deliveries {work}"


def _transport() -> FaultyTransport:
    tokens = ClientCredentials(
        authority=settings.CRM_AUTHORITY,
        client_id=settings.CRM_CLIENT_ID,
        credentials=[settings.CRM_CLIENT_SECRET],
        scope=f"{settings.CRM_ORIGIN}/.default",
        session=demo_session(settings.CRM_AUTHORITY),
    )
    return FaultyTransport(origin=settings.CRM_ORIGIN, token_source=tokens)
