"""What must hold of every write that the portal commits in the CRM, judged by the ledger and the reviewers' book."""

from __future__ import annotations

from dataverse_sandbox.config import PEOPLE
from syncapp.models import Decision
from syncapp.models.review.decision import DecisionState, Kind
from tests.machine.book import Book, Taken
from tests.machine.ledger import CONTACT, DECIDED, FIELD, Crm, Entry, Ledger, Transaction
from tests.machine.samples import meaning

USER_IDS = {person.name: person.user_id for person in PEOPLE}
REVISION = "osync_revision"
IN_THE_CRM = (DecisionState.WRITTEN, DecisionState.ALREADY)


class Violation(AssertionError):
    """Something happened in the CRM, or is shown in the portal, that must never be."""


class Judge:
    """Follows the ledger and looks at each transaction with the rows as they were before it."""

    def __init__(self, ledger: Ledger, book: Book, crm: Crm) -> None:
        self._ledger = ledger
        self._book = book
        self.crm = crm
        self.written: dict[str, Transaction] = {}
        self._since: dict[str, int] = {}

    @property
    def seq(self) -> int:
        """How far the ledger was read."""
        return self._ledger.seq

    def read_on(self) -> None:
        """Judge what was committed since the last time. Raises Violation."""
        for decision_id in self._book.taken:
            self._since.setdefault(decision_id, self.seq)
        for transaction in self._ledger.news():
            if transaction.is_ours:
                self._look_at(transaction)
            self.crm.apply(transaction)
        undone = {taken.id for taken in self._book.taken.values() if taken.undone}
        _forbid(bool(undone & self.written.keys()), "a decision that was undone reached the CRM")

    def is_decided_elsewhere(self, field_id: str) -> bool:
        """Whether the staging row is gone, or was decided by somebody in the CRM itself."""
        row = self.crm.fields().get(field_id)
        return row is None or (row["statecode"] == DECIDED and str(row.get("osync_decisionid")) not in self.written)

    def _look_at(self, transaction: Transaction) -> None:
        for entry in transaction.entries:
            _forbid(entry.method != "PATCH", f"we sent {entry.method} for {entry.table}")
            _forbid(entry.id in self.crm.deleted.get(entry.table, ()), f"a deleted {entry.table} came back")
        decisions = [self._marked(entry, transaction) for entry in transaction.of(FIELD)]
        self._look_at_contact(transaction, [taken for taken in decisions if taken is not None and taken.writes])

    def _marked(self, entry: Entry, transaction: Transaction) -> Taken | None:
        """The decision that this mark carries: new, by somebody who may, on a row that is ours to mark."""
        row = self.crm.fields()[entry.id]
        decision_id = str(entry.new("osync_decisionid") or row.get("osync_decisionid"))
        _forbid(self.is_decided_elsewhere(entry.id), "we marked a row that somebody had decided in the CRM")
        _forbid(decision_id in self.written, "one decision was delivered twice")
        self.written[decision_id] = transaction
        taken = self._book.taken.get(decision_id)
        if taken is None:
            _forbid(not _is_our_supersede(decision_id, entry.id), "a mark without a decision of ours")
            return None
        _forbid(taken.field != entry.id, "a decision marked another field than its own")
        _forbid(USER_IDS[taken.by] == self.crm.editor_of(entry.id), "somebody decided his own edit")
        if not taken.writes:
            self._forbid_forgotten_write(row)
        return taken

    def _forbid_forgotten_write(self, row: dict[str, object]) -> None:
        """A rejection promises that the CRM keeps its value; an earlier write of ours must then be known to us."""
        earlier = self.written.get(str(row.get("osync_decisionid")))
        if earlier is None or not earlier.of(CONTACT):
            return
        known = Decision.objects.filter(pk=str(row["osync_decisionid"]), state__in=IN_THE_CRM).exists()
        _forbid(not known, "rejected, although the CRM holds an approval of ours that we forgot")

    def _look_at_contact(self, transaction: Transaction, writing: list[Taken]) -> None:
        entries = transaction.of(CONTACT)
        _forbid(len(entries) > 1, "two contacts, or one twice, in one change set")
        changes = dict(entries[0].changes) if entries else {}
        if entries:
            before, after = changes.pop(REVISION, (0, 0))
            _forbid(after != (before or 0) + 1, "the revision was not raised by one")
        for taken in writing:
            self._look_at_value(taken, changes.pop(taken.column, None))
        _forbid(bool(changes), f"written without a decision: {sorted(changes)}")

    def _look_at_value(self, taken: Taken, change: list[object] | None) -> None:
        approved = meaning(taken.column, taken.value)
        if change is None:
            self._look_at_already_so(taken, approved)
            return
        old, new = change
        _forbid(meaning(taken.column, new) != approved, "not the value that was approved")
        seen = meaning(taken.column, taken.expected)
        _forbid(meaning(taken.column, old) != seen, f"overwrote {old!r}, which the reviewer never saw")

    def _look_at_already_so(self, taken: Taken, approved: object) -> None:
        """The mark alone carries no condition about the contact: a form may change it after the worker has looked."""
        contact_id = self.crm.contact_of(taken.field)
        held = self.crm.held_since(self._since[taken.id], contact_id, taken.column)
        _forbid(
            approved not in [meaning(taken.column, value) for value in held], "never was the value that was approved"
        )


def _is_our_supersede(decision_id: str, field_id: str) -> bool:
    marks = Decision.objects.filter(kind=Kind.SUPERSEDE, writes=False, field_id=field_id)
    return decision_id in {str(pk) for pk in marks.values_list("pk", flat=True)}


def _forbid(happened: bool, what: str) -> None:
    if happened:
        raise Violation(what)
