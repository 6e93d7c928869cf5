"""The test oracle: checks each write of the portal in the CRM against the ledger and the expected decisions."""

from __future__ import annotations

from dataverse_sandbox.config import PEOPLE
from syncapp.models import Decision
from syncapp.models.review.decision import DecisionState, Kind
from tests.machine.expectations import Expectations, ExpectedDecision
from tests.machine.ledger import CONTACT, DECIDED, FIELD, Crm, Entry, Ledger, Transaction
from tests.machine.samples import meaning

USER_IDS = {person.name: person.user_id for person in PEOPLE}
REVISION = "osync_revision"
IN_THE_CRM = (DecisionState.WRITTEN, DecisionState.ALREADY)


class Violation(AssertionError):
    """An invariant is broken in the CRM or in the portal."""


class Oracle:
    """Follows the ledger and checks each transaction against the rows before it."""

    def __init__(self, ledger: Ledger, expected: Expectations, crm: Crm) -> None:
        self._ledger = ledger
        self._expected = expected
        self.crm = crm
        self.written: dict[str, Transaction] = {}
        self._since: dict[str, int] = {}

    @property
    def seq(self) -> int:
        """Return the last entry that was read."""
        return self._ledger.seq

    def check_new_writes(self) -> None:
        """Check the writes since the last call. Raises Violation."""
        for decision_id in self._expected.taken:
            self._since.setdefault(decision_id, self.seq)
        for transaction in self._ledger.read_new():
            if transaction.is_ours:
                self._check_transaction(transaction)
            self.crm.apply(transaction)
        undone = {taken.id for taken in self._expected.taken.values() if taken.undone}
        _fail_if(bool(undone & self.written.keys()), "a decision that was undone reached the CRM")

    def is_decided_in_crm(self, field_id: str) -> bool:
        """Return whether the staging row is deleted, or was decided in the CRM itself."""
        row = self.crm.fields().get(field_id)
        return row is None or (row["statecode"] == DECIDED and str(row.get("osync_decisionid")) not in self.written)

    def _check_transaction(self, transaction: Transaction) -> None:
        for entry in transaction.entries:
            _fail_if(entry.method != "PATCH", f"we sent {entry.method} for {entry.table}")
            _fail_if(entry.id in self.crm.deleted.get(entry.table, ()), f"a deleted {entry.table} came back")
        decisions = [self._check_mark(entry, transaction) for entry in transaction.of(FIELD)]
        self._check_contact(transaction, [taken for taken in decisions if taken is not None and taken.writes])

    def _check_mark(self, entry: Entry, transaction: Transaction) -> ExpectedDecision | None:
        """Return the decision of this mark, after checking that it is new, allowed and on an open row."""
        row = self.crm.fields()[entry.id]
        decision_id = str(entry.new("osync_decisionid") or row.get("osync_decisionid"))
        _fail_if(self.is_decided_in_crm(entry.id), "we marked a row that somebody had decided in the CRM")
        _fail_if(decision_id in self.written, "one decision was delivered twice")
        self.written[decision_id] = transaction
        taken = self._expected.taken.get(decision_id)
        if taken is None:
            _fail_if(not _is_our_supersede(decision_id, entry.id), "a mark without a decision of ours")
            return None
        _fail_if(taken.field != entry.id, "a decision marked another field than its own")
        _fail_if(USER_IDS[taken.by] == self.crm.editor_of(entry.id), "a reviewer decided their own edit")
        if not taken.writes:
            self._check_no_forgotten_write(row)
        return taken

    def _check_no_forgotten_write(self, row: dict[str, object]) -> None:
        """Check a rejection, which keeps the CRM's value: the portal must know of its own earlier writes."""
        earlier = self.written.get(str(row.get("osync_decisionid")))
        if earlier is None or not earlier.of(CONTACT):
            return
        known = Decision.objects.filter(pk=str(row["osync_decisionid"]), state__in=IN_THE_CRM).exists()
        _fail_if(not known, "rejected, although the CRM holds an approval of ours that we forgot")

    def _check_contact(self, transaction: Transaction, writing: list[ExpectedDecision]) -> None:
        entries = transaction.of(CONTACT)
        _fail_if(len(entries) > 1, "two contacts, or one twice, in one change set")
        changes = dict(entries[0].changes) if entries else {}
        if entries:
            before, after = changes.pop(REVISION, (0, 0))
            _fail_if(after != (before or 0) + 1, "the revision was not raised by one")
        for taken in writing:
            self._check_value(taken, changes.pop(taken.column, None))
        _fail_if(bool(changes), f"written without a decision: {sorted(changes)}")

    def _check_value(self, taken: ExpectedDecision, change: list[object] | None) -> None:
        approved = meaning(taken.column, taken.value)
        if change is None:
            self._check_already_equal(taken, approved)
            return
        old, new = change
        _fail_if(meaning(taken.column, new) != approved, "not the value that was approved")
        seen = meaning(taken.column, taken.expected)
        _fail_if(meaning(taken.column, old) != seen, f"overwrote {old!r}, which the reviewer never saw")

    def _check_already_equal(self, taken: ExpectedDecision, approved: object) -> None:
        """Check a mark without a write: the contact had the approved value at some time since the decision."""
        contact_id = self.crm.contact_of(taken.field)
        held = self.crm.held_since(self._since[taken.id], contact_id, taken.column)
        _fail_if(
            approved not in [meaning(taken.column, value) for value in held], "never was the value that was approved"
        )


def _is_our_supersede(decision_id: str, field_id: str) -> bool:
    marks = Decision.objects.filter(kind=Kind.SUPERSEDE, writes=False, field_id=field_id)
    return decision_id in {str(pk) for pk in marks.values_list("pk", flat=True)}


def _fail_if(happened: bool, what: str) -> None:
    if happened:
        raise Violation(what)
