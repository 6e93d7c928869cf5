"""Everything that a run consists of: the CRM and its people, the line to it, the portal, its reviewers, the judge."""

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
from tests.machine.book import Book
from tests.machine.crm import Sandbox
from tests.machine.failpoints import Failpoints
from tests.machine.judge import Judge, Violation
from tests.machine.ledger import CONTACT, Crm, Ledger
from tests.machine.line import Line
from tests.machine.portal import Portal
from tests.machine.reviewers import Form, Reviewers, sign_everybody_in

Choice = TypeVar("Choice")
ROUNDS_TO_REST = 15
OPENED_BY_SUCCESS = (*breakers.CONNECTION_BREAKERS, Breaker.Name.FORBIDDEN_READ)


def pick(rows: Sequence[Choice], number: int) -> Choice | None:
    """One of them by number; None where there are none. What is drawn never depends on what is there."""
    return rows[number % len(rows)] if rows else None


class World:
    """Made once a test; `begin` starts each run from nothing."""

    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sandbox = Sandbox(url)
        self.points = Failpoints()
        self.line = _line()
        client = CrmClient(transport=self.line, names=names(), writes_allowed=review_writes_are_enabled)
        self.portal = Portal(client, self.points)
        self.portal.put_in(monkeypatch)
        failpoints.put_in(self.points, monkeypatch)
        # Small pages and chunks, so that a few rows make several.
        monkeypatch.setattr(pull, "PAGE_SIZE", 4)
        monkeypatch.setattr(rows, "CHUNK", 3)
        self._people = sign_everybody_in()
        check_organization(client.who_am_i().organization_id)
        columns.refresh(client)

    def begin(self) -> None:
        """A CRM without edits, an empty portal, nothing wrong anywhere."""
        self.points.clear()
        self.line.clear()
        self.portal.begin()
        crm = Crm()
        crm.rows[CONTACT] = self.sandbox.begin()
        self.contacts = list(crm.rows[CONTACT])
        self.book = Book()
        self.judge = Judge(Ledger(self.sandbox.ledger), self.book, crm)
        self.reviewers = Reviewers(self._people, self.book)
        self.forms: list[Form] = []

    def check(self) -> None:
        """What must hold after every step. Raises Violation."""
        self.judge.read_on()
        invariants.check_tables()

    # --- what a rule may act on; in the order of the ledger, so that a run can be repeated -------------------

    def fields(self, *conditions: Q) -> list[SyncField]:
        """Our fields that meet the conditions, as they were staged."""
        order = {pk: position for position, pk in enumerate(self.judge.crm.fields())}
        found = SyncField.objects.filter(*conditions, record__is_stub=False).select_related("record")
        return sorted(found, key=lambda field: order.get(str(field.pk), -1))

    def decidable(self) -> list[SyncField]:
        """What the queue offers; everything else where it is empty, to see it refused."""
        return self.fields(Q(decision="pending") | Q(delivery=FieldDelivery.FAILED)) or self.fields()

    def have_a_good_day(self) -> None:
        """Nothing fails any more, and the portal has noticed: whatever opened its breakers is over."""
        self.sandbox.recover()
        breakers.reset(Breaker.Name.OPERATOR_STOP)
        if breakers.all_open():
            clock.forward(clock.JUMPS["a day"])
            self.portal.tick()
        self.portal.pull()

    # --- coming to rest -------------------------------------------------------------------------------------

    def come_to_rest(self) -> None:
        """Everything works again and time passes: the portal finishes its work. Raises Violation."""
        self.points.clear()
        self.line.clear()
        self.sandbox.recover()
        breakers.reset(Breaker.Name.OPERATOR_STOP)
        for _ in range(ROUNDS_TO_REST):
            if self._is_quiet_after_a_round():
                break
        else:
            raise Violation(f"no rest after {ROUNDS_TO_REST} rounds: {_unrest()}")
        invariants.check_nothing_is_hidden(self.judge)
        try:
            invariants.check_rest(self.judge)
        except Violation:
            self._repair_at_night()

    def _repair_at_night(self) -> None:
        """What slipped has until the next morning, as long as nothing was lost."""
        self.portal.read_everything_again()
        self.portal.pull()
        self.check()
        invariants.check_rest(self.judge)

    def _is_quiet_after_a_round(self) -> bool:
        before = self.judge.seq
        clock.forward(clock.JUMPS["a day"])
        begun = timezone.now()
        began_before = MirrorCursor.objects.exclude(next_link="").exists()
        MirrorCursor.objects.update(pulled_at=None)
        self.portal.tick()
        self.portal.pull()
        self.check()
        # A full read, and one that goes on where another stopped, end with what they began with: only the next reading
        # brings what was edited meanwhile.
        unread = MirrorCursor.objects.filter(Q(pulled_at=None) | Q(full_read_at__gte=begun)).exists()
        was_read = not (began_before or unread)
        is_idle = not Delivery.objects.filter(state__in=OPEN_STATES).exists() and breakers.all_closed(OPENED_BY_SUCCESS)
        is_settled = self.judge.seq == before and not Decision.objects.filter(state="open").exists()
        return was_read and is_idle and is_settled


def _unrest() -> str:
    open_breakers = list(Breaker.objects.filter(opened_at__isnull=False).values_list("name", flat=True))
    work = list(Delivery.objects.filter(state__in=OPEN_STATES).values_list("state", "attempts", "last_error"))
    return f"open breakers {open_breakers}, deliveries {work}"


def _line() -> Line:
    tokens = ClientCredentials(
        authority=settings.CRM_AUTHORITY,
        client_id=settings.CRM_CLIENT_ID,
        client_secret=settings.CRM_CLIENT_SECRET,
        scope=f"{settings.CRM_ORIGIN}/.default",
        session=demo_session(settings.CRM_AUTHORITY),
    )
    return Line(origin=settings.CRM_ORIGIN, token_source=tokens)
