"""The environment of one run: the CRM and its writers, the portal step by step, and the oracle."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
import requests
from django.db.models import F

from dataverse_sandbox.store import Store
from syncapp.capture import entry_lists, staging
from syncapp.connection import clients
from syncapp.crm.errors import CrmError
from syncapp.jobs import breakers, deliveries, queue
from syncapp.jobs.queue import LostLease
from syncapp.mirror import columns, cursors
from syncapp.models import Capture, CaptureEntry, CaptureJob, CaptureSource, Delivery, SyncField
from syncapp.models.capture.entry import OPEN_ENTRIES, EntryState, Evidence, Source
from syncapp.models.capture.settings import CaptureMode
from syncapp.models.jobs.job import OPEN_STATES, database_now
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.review.delivery import job
from tests.capture.conftest import Company
from tests.capture.machine.clock import Clock
from tests.capture.machine.log import Flaw, Log
from tests.capture.machine.oracle import COLUMNS, Oracle, Violation
from tests.machine.failpoints import Failpoints
from tests.machine.portal import empty_tables

CONTACTS = 3
EDITORS = ("Jonas Weber", "Rita Lindqvist")
MAX_ROUNDS = 12
A_LEASE, SETTLED = 120.0, 6.0
# An entry that was later than any before is found when the whole day is listed again.
UNTIL_LISTED_AGAIN = entry_lists.DEEP_LISTING_INTERVAL.total_seconds() + 60
Step = Callable[[], object]


class Machine(Company):
    """A company, a portal that captures, and what really happened."""

    def install(self, store: Store, patched: pytest.MonkeyPatch) -> None:
        """Connect the portal's failpoints, for the whole test."""
        self.store = store
        self.points = Failpoints()
        self.points.connect(patched)
        patched.setattr("syncapp.crm.transport.Transport.sleep", lambda transport, seconds: None)
        release = cursors.release
        patched.setattr(cursors, "release", lambda lease: None if self.points.power_is_out else release(lease))

    def start(self, seed: int, patched: pytest.MonkeyPatch) -> None:
        """Begin a run with empty tables and a CRM in which only this run's people write."""
        self.rng = random.Random(seed)
        self.heal()
        self.points.clear()
        empty_tables()
        self.log = Log(Clock(), rng=self.rng)
        self.log.install(patched)
        self.number, self.steps, self.audited = 0, list[str](), set[UUID]()
        self.outlook_ids: dict[UUID, Flaw] = {}
        self.reset(contacts=CONTACTS)
        self.switch_plugin(enabled=False)
        self.sign("signed")
        self.audit(enabled=True, delay_seconds=0, jitter_seconds=0, days_kept=30, invalid_new_values=[])
        columns.refresh(clients.verified_client())
        self.contacts = [UUID(row["contactid"]) for row in self.rows("contacts")]
        self.contacts.sort()
        self.oracle = Oracle({row["contactid"]: row for row in self.rows("contacts")})
        self.read()
        self.backdate()
        Capture.objects.update(mode=CaptureMode.RESTORING, mode_since=F("observing_since"), max_restores=100_000)
        Capture.objects.update(signature_evidence=Evidence.CALLING_USER)
        since = Capture.objects.get().observing_since
        CaptureSource.objects.create(source=Source.OUTLOOK, is_on=True, since=since)
        self._follow()

    # --- what others do -----------------------------------------------------------------------------------------

    def value(self, contact: UUID, column: str) -> Any:
        held = self.oracle.held.get((str(contact), column))
        return held.value if held is not None else None

    def fresh(self) -> str:
        """Return a value that has not been written before."""
        self.number += 1
        return f"v{self.number}"

    def edit(self, contact: UUID, changes: dict[str, Any], *, by: str, flaw: Flaw = Flaw.NONE) -> None:
        """Save in Outlook; the entry has a flaw."""
        self.steps.append(f"  Outlook, {contact.hex[:8]}: {changes} {flaw}".rstrip())
        self.note(lambda: self.outlook_by(by, contact, **changes), flaw, is_outlook=True)

    def others_write(self, writer: str, contact: UUID, changes: dict[str, Any], *, flaw: Flaw = Flaw.NONE) -> None:
        self.steps.append(f"  {writer}, {contact.hex[:8]}: {changes} {flaw}".rstrip())
        self.note(lambda: self.write(writer, contact, **changes), flaw)

    def as_user(self, method: str, path: str, body: dict[str, Any]) -> None:
        """Make a change in the CRM as a person does."""
        token = self._post("token", {"user": "Jonas Weber"})["access_token"]
        url, headers = f"{self.url}/api/data/v9.2/{path}", {"Authorization": f"Bearer {token}"}
        self.note(lambda: requests.request(method, url, json=body, headers=headers, timeout=20), Flaw.NONE)

    def assign(self, contact: UUID) -> None:
        """Give the contact another owner."""
        owners = sorted(row["systemuserid"] for row in self.rows("systemusers", select="systemuserid"))
        self.as_user(
            "PATCH", f"contacts({contact})", {"ownerid@odata.bind": f"/systemusers({self.rng.choice(owners)})"}
        )

    def create(self) -> None:
        key = uuid.UUID(int=self.rng.getrandbits(128))
        self.as_user("POST", "contacts", {"contactid": str(key), "lastname": "Ny", "jobtitle": self.fresh()})
        self.contacts.append(key)

    def merge(self, target: UUID, subordinate: UUID) -> None:
        kind = {"@odata.type": "Microsoft.Dynamics.CRM.contact"}
        body = {
            "Target": {**kind, "contactid": str(target)},
            "Subordinate": {**kind, "contactid": str(subordinate)},
            "UpdateContent": {**kind, "jobtitle": self.fresh()},
            "PerformParentingChecks": False,
        }
        self.as_user("POST", "Merge", body)

    def note(self, write: Step, flaw: Flaw = Flaw.NONE, *, is_outlook: bool = False) -> None:
        """Let a person write; remember the entries of this write, and their flaw."""
        try:
            write()
        except AssertionError:  # the contact is gone
            return
        found = self._entry_ids() - self.audited
        self.audited |= found
        if flaw:
            self.log.flaws |= dict.fromkeys(found, flaw)
            self.oracle.has_late |= flaw is Flaw.LATE
            self.oracle.is_flawless = False
        self._follow(is_lost=flaw is Flaw.MISSING)
        if is_outlook:
            self.outlook_ids |= dict.fromkeys(found, flaw)
            self.oracle.name_edits(found)

    def _follow(self, *, is_lost: bool = False) -> None:
        self.oracle.follow(self.ledger(ours=False), is_lost=is_lost)
        self.begin_ledger()

    # --- the portal ---------------------------------------------------------------------------------------------

    def forward(self, seconds: float = 3600) -> None:
        """Let time pass."""
        ((version,),) = self._select("SELECT coalesce(max(versionnumber), 0) FROM contact")
        self.log.clock.forward(seconds, entries=self._entry_ids(), version=version)

    def _entry_ids(self) -> set[UUID]:
        return {UUID(key) for (key,) in self._select("SELECT auditid FROM audit")}

    def _select(self, statement: str) -> list[Any]:
        """Read the sandbox's rows past its faults."""
        with self.store.read() as connection:
            return connection.execute(statement).fetchall()

    def run(self, process: Step) -> None:
        """Let a process of the portal run to its end, an error of the CRM, or a power cut."""
        try:
            self.points.run(process)
        except (CrmError, LostLease) as error:
            self.steps.append(f"  {type(error).__name__}")

    def read_log(self) -> None:
        self.run(self.read)

    def work(self) -> None:
        """Process the jobs that are due."""
        queue.sweep(CaptureJob)
        for pk in list(CaptureJob.objects.all().due().values_list("pk", flat=True)):
            self.run(lambda pk=pk: staging.stage(pk, crm=clients.verified_client()))

    def capture(self, *, waits: float = SETTLED) -> None:
        """Read, let the pause after the last entry pass, and stage."""
        self.read_log()
        self.forward(waits)
        self.read_log()
        self.work()
        self._follow()

    def decide_one(self, *, approve: bool) -> None:
        """Pull, decide the first open field, and deliver."""
        self.run(self.pull)
        fields = SyncField.objects.filter(decision=FieldDecision.PENDING, delivery=FieldDelivery.NONE)
        field = fields.filter(record__is_stub=False).order_by("record__edited_on", "column_name", "pk").first()
        if field is not None:
            self.decide(**{"approve" if approve else "reject": (field,)})
        self.forward(20)
        self.run_deliveries()
        self._follow()

    def run_deliveries(self) -> None:
        queue.sweep(Delivery)
        deliveries.adopt_orphans()
        for pk in list(Delivery.objects.all().due().values_list("pk", flat=True)):
            self.run(lambda pk=pk: job.deliver(pk, crm=clients.verified_client()))

    def another_worker(self) -> None:
        """Let a worker stop until its lease has ended and another one took over."""
        self.forward(A_LEASE)
        queue.sweep(CaptureJob)
        for pk in list(CaptureJob.objects.all().due().values_list("pk", flat=True)):
            staging.stage(pk, crm=clients.verified_client())

    def pause(self) -> None:
        """Stop staging once everything is staged; Outlook's later edits are only observed."""
        self.settle()
        Capture.objects.update(mode=CaptureMode.PAUSED)
        self.oracle.is_paused = True

    def resume(self) -> None:
        if not self.oracle.is_paused:
            return
        self.settle()
        self.forward(5)
        Capture.objects.update(mode=CaptureMode.RESTORING, mode_since=database_now(plus=0))
        self.forward(2)
        self.oracle.is_paused = False

    def settle(self) -> None:
        """End all faults, let all entries appear, and work until nothing is left to do."""
        self.steps.append("  settle")
        self.points.clear()
        self.heal()
        self.log.appear()
        for _ in range(MAX_ROUNDS):
            self.forward(A_LEASE)
            self.capture(waits=A_LEASE)
            waiting = CaptureEntry.objects.filter(state__in=OPEN_ENTRIES).exclude(source__in=self.left_unread())
            if not (waiting.exists() or CaptureJob.objects.filter(state__in=OPEN_STATES).exists()):
                return
        states = list(CaptureEntry.objects.filter(state__in=OPEN_ENTRIES).values_list("source", "state"))
        jobs = list(CaptureJob.objects.filter(state__in=OPEN_STATES).values_list("state", "last_error", "attempts"))
        raise Violation(f"still busy: {states}, {jobs}, {[each.name for each in breakers.all_open()]}")

    @staticmethod
    def left_unread() -> Sequence[str]:
        """Return the sources whose entries may stay unread for an hour."""
        return (Source.UNKNOWN, Source.PROGRAM, Source.FORM, Source.OURS)

    # --- the judge ----------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Complete all remaining work, and check the end. Raises Violation."""
        self.resume()
        self.settle()
        self.run_deliveries()
        if self.oracle.has_late:
            self.forward(UNTIL_LISTED_AGAIN)
        self.settle()
        known = {entry.pk: entry for entry in CaptureEntry.objects.all()}
        for key in self.oracle.created:
            if UUID(key) not in self.outlook_ids:
                raise Violation("a change by another writer was staged")
        for key, flaw in self.outlook_ids.items():
            if flaw is not Flaw.MISSING:
                self._check_edit(key, known.get(key), flaw)
        self.oracle.check_values()

    def _check_edit(self, key: UUID, entry: CaptureEntry | None, flaw: Flaw) -> None:
        if entry is None:
            raise Violation("an edit was never read")
        number = self.oracle.created[str(key)]
        if entry.state == EntryState.STAGED and entry.reason != "repeated":
            if number != 1:
                raise Violation(f"an edit counts as staged, and the CRM has {number}")
            self.oracle.check_edit(key, proposals=flaw is not Flaw.NEW_CUT)
        elif number or not (entry.reason or entry.state == EntryState.BASELINE_END):
            raise Violation(f"an edit is {entry.state}, {entry.reason or 'without a reason'}; the CRM has {number}")


def columns_of(rng: random.Random) -> list[str]:
    """Return one column, sometimes both."""
    return list(COLUMNS) if rng.random() < 0.2 else [rng.choice(COLUMNS)]
