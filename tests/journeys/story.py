"""The steps of a journey, and the check that the sandbox's ledger shows each decision exactly once."""

from __future__ import annotations

import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from django.db.models import F
from django.db.models.functions import Now
from django.urls import reverse

from dataverse_sandbox.config import APPLICATION_USER_ID
from syncapp.jobs.queue import REDISPATCH_AFTER
from syncapp.models import Breaker, Decision, Delivery, MirrorCursor, SyncField, SyncRecord
from syncapp.models.jobs.job import JobState
from syncapp.models.mirror.sync_field import FieldDelivery
from syncapp.models.review.decision import DecisionState, Outcome
from syncapp.review import decisions
from syncapp.review.context import digest
from syncapp.review.decisions import Choice
from tests.journeys.stack import Stack
from tests.support.people import browser, rita
from tests.support.screen import Screen
from tests.support.servers import wait_until
from tests.support.world import World

PATIENCE = 45.0
APPROVED, REJECTED = "jobtitle", "telephone1"
UNFINISHED = [DecisionState.OPEN, DecisionState.BOUND]

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Edit:
    """A mirrored Outlook edit of two fields of one contact."""

    contact: uuid.UUID
    record: uuid.UUID
    fields: dict[str, SyncField]
    proposed: str

    @property
    def delivery(self) -> Delivery:
        """Return the newest delivery of this contact."""
        return Delivery.objects.filter(target_id=self.contact).latest("created_at")


@dataclass(slots=True)
class Judgment:
    """The entries that the ledger lacks, or has twice."""

    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def count(self, found: int, what: str) -> None:
        """Record an entry that was not found exactly once."""
        if found != 1:
            (self.twice if found else self.lost).append(what)

    @property
    def is_clean(self) -> bool:
        """Return whether every entry was found exactly once."""
        return not (self.lost or self.twice or self.wrong)


def write_of(edit: Edit, **fault: Any) -> dict[str, Any]:
    """Return a fault rule of the sandbox for the write of this contact."""
    return {"method": "PATCH", "path": f"contacts({edit.contact})", **fault}


class Story:
    """Edits, decisions, waits and checks, around running processes."""

    judged: ClassVar[dict[Path, list[Edit]]] = defaultdict(list)  # by the folder of their stack

    def __init__(self, stack: Stack, world: World, contacts: Iterator[uuid.UUID]) -> None:
        self.stack, self.world, self._contacts = stack, world, contacts
        self.patience = PATIENCE

    # --- what people do ---------------------------------------------------------------------------------
    def edited(self, count: int = 1) -> list[Edit]:
        """Edit `count` contacts in Outlook as Jonas, and mirror the edits."""
        edits = [self.edited_in_outlook() for _ in range(count)]
        self.pull()
        return [self.found(contact, proposed) for contact, proposed in edits]

    def pull(self) -> None:
        """Pull to the end, after any pull of a worker."""
        self.wait(lambda: self.world.pull().finished, "the mirror is read to its end")

    def edited_in_outlook(self, **columns: str) -> tuple[uuid.UUID, str]:
        """Edit a contact in Outlook as Jonas; return it with the proposed job title."""
        contact = next(self._contacts)
        proposed = f"Chief {contact.hex[:8]}"
        self.world.outlook(contact, **{"jobtitle": proposed, "telephone1": f"+47 {contact.int % 10**8}"} | columns)
        return contact, proposed

    def found(self, contact: uuid.UUID, proposed: str) -> Edit:
        """Return the mirrored edit of this contact."""
        record = SyncRecord.objects.get(target_id=contact)
        return Edit(contact, record.pk, {row.column_name: row for row in record.fields.all()}, proposed)

    def decide(self, *edits: Edit) -> None:
        """Approve one field of each edit and reject the other, as Rita."""
        for edit in edits:
            choices = [self._choice(edit, APPROVED, Outcome.APPROVED), self._choice(edit, REJECTED, Outcome.REJECTED)]
            assert not decisions.decide(choices, by=rita()).refused

    def _choice(self, edit: Edit, column: str, outcome: Outcome) -> Choice:
        return Choice(edit.fields[column].pk, outcome, digest(edit.fields[column]))

    def edit_again_and_pull(self, edit: Edit) -> None:
        """Edit the undecided field again in Outlook, and have the worker pull."""
        self.world.outlook(edit.contact, jobtitle=f"Newer {edit.contact.hex[:8]}")
        self.stack.send("pull")

    def decide_on_the_page(self, edit: Edit) -> float:
        """Decide on the record's page; return the seconds until the answer."""
        page = browser(rita())
        form = Screen(page.get(reverse("record", args=[edit.record]))).form
        approved, rejected = edit.fields[APPROVED].pk, edit.fields[REJECTED].pk
        form |= {"do": ["marked"], f"tick.{approved}": ["1"], f"mark.{rejected}": ["reject"]}
        started = time.monotonic()
        answer = page.post(reverse("decide", args=[edit.record]), form)
        seconds = time.monotonic() - started
        assert answer.status_code < 400, Screen(answer).words
        return seconds

    # --- waiting ----------------------------------------------------------------------------------------
    def wait(self, holds: Callable[[], object], what: str, *, hurry: bool = False) -> None:
        """Poll until the condition holds; on failure show rows and logs. `hurry` skips the dispatch intervals."""
        try:
            wait_until(self._with_dispatches(holds) if hurry else holds, seconds=self.patience, what=what)
        except AssertionError as error:
            columns = "state", "due_at", "dispatched_at", "lease_until", "fencing_token", "attempts", "last_error"
            rows = Delivery.objects.exclude(state=JobState.DONE).values_list(*columns)[:5]
            logs = "\n".join(worker.server.output()[-3000:] for worker in self.stack.workers)
            raise AssertionError("\n".join([str(error), *map(str, rows), logs])) from None

    def _with_dispatches(self, holds: Callable[[], object]) -> Callable[[], object]:
        next_dispatch = time.monotonic()

        def with_dispatch() -> object:
            nonlocal next_dispatch
            if time.monotonic() > next_dispatch:
                next_dispatch = time.monotonic() + 1
                self.dispatch_again()
            return holds()

        return with_dispatch

    def wait_until_delivered(self, *edits: Edit, hurry: bool = False) -> None:
        """Wait until all decisions about these contacts are delivered."""
        contacts = [edit.contact for edit in edits]
        self.wait(lambda: self.all_is_delivered(contacts), f"{len(edits)} deliveries are done", hurry=hurry)

    def all_is_delivered(self, contacts: Sequence[uuid.UUID]) -> bool:
        """Return whether no decision and no delivery of these contacts is open."""
        deliveries = Delivery.objects.filter(target_id__in=contacts).exclude(state=JobState.DONE)
        return self.decisions_are_over(contacts) and not deliveries.exists()

    def decisions_are_over(self, contacts: Sequence[uuid.UUID]) -> bool:
        """Return whether all decisions about these contacts are finished."""
        return not Decision.objects.filter(target_id__in=contacts, state__in=UNFINISHED).exists()

    def wait_until_held(self, edit: Edit, state: JobState) -> None:
        """Wait until the CRM holds a request and the delivery is in this state."""
        self.wait(lambda: self._holds(1) and edit.delivery.state == state, f"the request is held, the row {state}")

    def wait_until_holding(self, count: int = 1) -> None:
        """Wait until the CRM holds `count` requests."""
        self.wait(lambda: self._holds(count), f"{count} requests are held")

    def _holds(self, count: int) -> bool:
        return self.world.held() >= count

    def dispatch_again(self) -> None:
        """Let REDISPATCH_AFTER pass, so that a job whose message was lost is dispatched again."""
        dispatched = Delivery.objects.exclude(dispatched_at=None)
        for pk in dispatched.values_list("pk", flat=True):  # one at a time, so that no deadlock with a tick can occur
            dispatched.filter(pk=pk).update(dispatched_at=F("dispatched_at") - timedelta(seconds=REDISPATCH_AFTER))

    def expire_cursor_leases(self) -> None:
        """Expire the lease of a puller that died."""
        MirrorCursor.objects.exclude(lease_until=None).update(lease_until=Now())

    def wait_until_probed(self, breaker: str, times: int) -> None:
        """Wait until the open breaker was probed `times` times."""
        seen_times = set()

        def was_probed() -> bool:
            seen_times.update(Breaker.objects.filter(name=breaker).values_list("next_probe_at", flat=True))
            return len(seen_times) > times

        self.wait(was_probed, f"{breaker} was probed {times} times", hurry=True)

    # --- judging ----------------------------------------------------------------------------------------
    def our_entries(self) -> list[Entry]:
        """Return all writes of the portal in the CRM."""
        return [entry for entry in self.world.ledger(ours=False) if entry["caller"] == APPLICATION_USER_ID]

    def our_entries_about(self, *edits: Edit) -> list[Entry]:
        """Return all writes of the portal to these contacts."""
        contacts = {str(edit.contact) for edit in edits}
        return [entry for entry in self.our_entries() if entry["id"] in contacts]

    def judge(self, edits: Iterable[Edit]) -> Judgment:
        """Compare the ledger with Rita's decisions about these edits."""
        found: dict[str, list[Entry]] = {}
        for entry in self.our_entries():
            found.setdefault(entry["id"], []).append(entry)
        judgment = Judgment()
        for edit in edits:
            self._judge_one(edit, found, judgment)
        return judgment

    def _judge_one(self, edit: Edit, found: dict[str, list[Entry]], judgment: Judgment) -> None:
        writes = found.get(str(edit.contact), [])
        judgment.count(len(writes), f"write of contact {edit.contact}")
        for entry in writes:
            if entry["changes"].get(APPROVED, [None, None])[1] != edit.proposed:
                judgment.wrong.append(f"{edit.contact} was written {entry['changes']}")
            if set(entry["changes"]) != {APPROVED, "osync_revision"}:
                judgment.wrong.append(f"{edit.contact}: columns {sorted(entry['changes'])}")
        for column, row in edit.fields.items():
            self._judge_mark(row, column, found.get(str(row.pk), []), judgment)
        judgment.count(len(found.get(str(edit.record), [])), f"close of edit {edit.record}")

    def _judge_mark(self, row: SyncField, column: str, marks: Sequence[Entry], judgment: Judgment) -> None:
        judgment.count(len(marks), f"mark of {column} {row.pk}")
        decision = Decision.objects.get(field=row)
        row.refresh_from_db()
        if row.delivery not in (FieldDelivery.DONE, FieldDelivery.ALREADY):
            judgment.wrong.append(f"{column} {row.pk} is shown as {row.delivery}")
        for entry in marks:
            if entry["changes"]["osync_decisionid"][1] != str(decision.pk):
                judgment.wrong.append(f"{column} {row.pk} carries another decision's id")

    def delivered_exactly_once(self, *edits: Edit, hurry: bool = False) -> None:
        """Wait until the edits are delivered, and assert that the ledger has each write once."""
        self.wait_until_delivered(*edits, hurry=hurry)
        judgment = self.judge(edits)
        TALLY["edits judged"] += len(edits)
        TALLY["lost"] += len(judgment.lost)
        TALLY["twice"] += len(judgment.twice)
        self.judged[self.stack.folder].extend(edits)
        assert judgment.is_clean, judgment

    def superseded_exactly_once(self, *older: Edit) -> None:
        """Assert that the older edits are marked once, the newer ones wait, and the contacts are unchanged."""
        marked = Decision.objects.filter(field__in=[edit.fields[APPROVED].pk for edit in older])
        self.wait(lambda: marked.count() == len(older), "the older edits are superseded")
        self.wait_until_delivered(*older)
        ours = Counter(entry["id"] for entry in self.our_entries())
        TALLY["edits judged"] += len(older)
        for edit in older:
            assert ours[str(edit.fields[APPROVED].pk)] == 1
            assert ours[str(edit.contact)] == 0
            rows = SyncField.objects.filter(record__target_id=edit.contact, column_name=APPROVED)
            found = dict(rows.values_list("proposed_value", "decision"))
            assert found == {edit.proposed: "superseded", f"Newer {edit.contact.hex[:8]}": "pending"}

    def change_sets(self, edit: Edit) -> list[dict[str, set[str]]]:
        """Return the change sets of this edit: their tables with the changed columns."""
        rows = {str(edit.contact), str(edit.record), *(str(row.pk) for row in edit.fields.values())}
        found: dict[str, dict[str, set[str]]] = {}
        for entry in self.our_entries():
            if entry["id"] in rows:
                tables = found.setdefault(entry["transaction"], {})
                tables[entry["table"]] = tables.get(entry["table"], set()) | set(entry["changes"])
        return list(found.values())

    # --- killing ----------------------------------------------------------------------------------------
    def kill_at(self, point: str, cause: Callable[[], object]) -> None:
        """Arm the failpoint, cause work, and wait for a process to die there."""
        self.stack.arm(point)
        cause()
        self.wait(lambda: not self.stack.is_armed(point), f"a process dies at {point}")
        TALLY["kills"] += 1
        TALLY[f"kills at {point}"] += 1

    def kill(self, point: str, *, whole: bool) -> None:
        """Kill the pool, or the whole worker, which is then replaced."""
        if whole:
            self.stack.worker.kill()
        else:
            self.stack.worker.kill_pool()
        TALLY["kills"] += 1
        TALLY[f"kills at {point}"] += 1

    def replace_dead_worker(self) -> None:
        """Replace a dead worker and skip the dispatch interval, so that lost messages are published again."""
        if not self.stack.worker.is_alive:
            self.stack.replace_worker()
            self.dispatch_again()


# The figures of this run, printed at its end.
TALLY: Counter[str] = Counter()
