"""A report on our restored database and the CRM. Only `record_lost` changes anything."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, Q
from django.db.models.functions import Now

from syncapp import audit
from syncapp.crm.client import MAX_CONTACTS_PER_REQUEST, CrmClient
from syncapp.crm.values import conversion
from syncapp.mirror import columns
from syncapp.models import Decision, Delivery, FilterRun, Message, MirrorCursor, Person, Rule, SyncField
from syncapp.models.jobs.job import OPEN_STATES, database_now
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.models.review.decision import DecisionState, Kind, Outcome
from syncapp.models.sync_filters.run import OPEN_RUNS
from syncapp.review.decision_log import LoggedDecision

TABLE = "contact"
IN_THE_CRM = (DecisionState.WRITTEN, DecisionState.ALREADY)
READ_BACK_WITHIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class LostDecision:
    """A logged decision that neither our database nor the CRM holds, with its field."""

    logged: LoggedDecision
    field: SyncField
    person: Person | None
    rule: Rule | None

    @property
    def decider(self) -> str:
        """Return the decider's name; '' if the database does not know the person."""
        if self.person is not None:
            return self.person.name
        return f"the rule “{self.rule}”" if self.rule is not None else ""


@dataclass(frozen=True, slots=True)
class Report:
    """The report after our database was restored: recognized, lost and open decisions, and values that differ.

    `unmarked` fields are written according to our database but open in the CRM. `differing` is None if the CRM was
    not read.
    """

    read_at: datetime | None
    recognized: Sequence[Decision]
    lost: Sequence[LostDecision]
    deliveries: Sequence[Delivery]
    failed: int
    unmarked: Sequence[SyncField]
    differing: Sequence[Decision] | None
    runs: Sequence[FilterRun]
    messages: int

    @property
    def needs_action(self) -> bool:
        """Return whether a person has to act; everything else is done or continues automatically."""
        is_unread = self.read_at is None
        return bool(is_unread or self.lost or self.failed or self.unmarked or self.differing or self.runs)


def build_report(*, logged: Collection[LoggedDecision], since: timedelta, crm: CrmClient | None) -> Report:
    """Build the report; decisions recognized within `since` count as recognized after this restore.

    With `crm`, the current values of their contacts are read. Raises CrmError.
    """
    in_the_crm = Decision.objects.filter(state__in=IN_THE_CRM).select_related("field__record")
    recently = in_the_crm.filter(recognized_at__gte=database_now(plus=-since.total_seconds()))
    recognized = list(recently.order_by("decided_at", "pk"))
    # A mark is read back within seconds, so recently finished fields are left out.
    done = SyncField.objects.filter(delivery__in=[FieldDelivery.DONE, FieldDelivery.ALREADY], crm_state=0)
    unmarked = done.filter(finished_at__lt=database_now(plus=-READ_BACK_WITHIN.total_seconds()))
    return Report(
        read_at=MirrorCursor.objects.aggregate(last=Max("pulled_at"))["last"],
        recognized=recognized,
        lost=find_lost(logged),
        deliveries=list(Delivery.objects.filter(state__in=OPEN_STATES).order_by("created_at")),
        failed=SyncField.objects.failed().count(),
        unmarked=list(unmarked.select_related("record").order_by("finished_at", "pk")),
        differing=None if crm is None else find_differing(recognized, crm=crm),
        runs=list(FilterRun.objects.filter(state__in=OPEN_RUNS).order_by("number")),
        messages=Message.objects.filter(state__in=OPEN_STATES).count(),
    )


def find_lost(logged: Collection[LoggedDecision]) -> list[LostDecision]:
    """Return the decisions among these that neither our database nor the CRM holds, oldest first.

    A first decision is lost if its field is undecided; a follow-up is lost if nothing came after it.
    """
    stored = Decision.objects.exclude(state=DecisionState.LOST)
    known: set[UUID] = set()
    for batch in _batches([each.id for each in logged]):
        known.update(stored.filter(pk__in=batch).values_list("pk", flat=True))
    missing = {each.field_id: each for each in sorted(logged, key=lambda each: each.at) if each.id not in known}
    found: list[LostDecision] = []
    for batch in _batches(list(missing)):
        valid = ~Q(decisions__state__in=[DecisionState.UNDONE, DecisionState.LOST])
        last_decided = Max("decisions__decided_at", filter=valid)
        rows = SyncField.objects.filter(pk__in=batch).select_related("record").annotate(last_decided=last_decided)
        for field in rows:
            missing_decision = missing[field.pk]
            last: datetime | None = field.last_decided  # type: ignore[attr-defined]  # annotated above
            is_follow_up = missing_decision.kind in (Kind.PUT_BACK, Kind.AFTER_ALL)
            is_decided_since = last is not None and last >= missing_decision.at
            if is_decided_since or not (is_follow_up or field.decision == FieldDecision.PENDING):
                continue
            person = Person.objects.filter(oid=missing_decision.person).first() if missing_decision.person else None
            rule = Rule.objects.filter(pk=missing_decision.rule).first() if missing_decision.rule else None
            found.append(LostDecision(missing_decision, field, person, rule))
    return sorted(found, key=lambda each: (each.logged.at, each.logged.id))


def _batches(ids: Sequence[UUID], size: int = 500) -> Iterator[Sequence[UUID]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


@transaction.atomic
def record_lost(found: Collection[LostDecision], *, channel: str = "command") -> int:
    """Store these decisions as lost, for the reviewer who decides again; return how many were new."""
    known = set(Decision.objects.filter(pk__in=[each.logged.id for each in found]).values_list("pk", flat=True))
    new = [each for each in found if each.logged.id not in known]
    earlier = Decision.objects.filter(field__in=[each.field.pk for each in new]).order_by()
    versions = dict(earlier.values_list("field").annotate(newest=Max("version")))
    decisions, facts = [], []
    for each in new:
        field, logged = each.field, each.logged
        decision = Decision(
            id=logged.id,
            field=field,
            version=versions.get(field.pk, 0) + 1,
            kind=logged.kind,
            outcome=logged.outcome,
            state=DecisionState.LOST,
            target_table=field.record.target_table or TABLE,
            target_id=field.record.target_id or field.record_id,
            decided_by=each.person,
            rule=each.rule,
            decided_at=logged.at,
            recognized_at=Now(),
            writes=logged.outcome == Outcome.APPROVED or logged.kind == Kind.PUT_BACK,
            four_eyes=False,
            due_at=logged.at,
        )
        fact = audit.Fact(
            f"field.lost.{logged.outcome}",
            by=None,
            channel=channel,
            record_id=field.record_id,
            field_id=field.pk,
            decision_id=logged.id,
            column=field.column_name,
            details={"kind": logged.kind, "decided_on": logged.at.isoformat()},
        )
        decisions.append(decision)
        facts.append(fact)
    Decision.objects.bulk_create(decisions)
    audit.record_all(facts)
    return len(new)


def find_differing(decisions: Collection[Decision], *, crm: CrmClient) -> list[Decision]:
    """Return the decisions among these whose written value differs from the CRM's current one. Raises CrmError.

    Only the last write to a contact's column is compared. A deleted contact or an unreadable value counts as
    different.
    """
    newer = Decision.objects.filter(
        target_id=OuterRef("target_id"),
        field__column_name=OuterRef("field__column_name"),
        writes=True,
        state__in=IN_THE_CRM,
        finished_at__gt=OuterRef("finished_at"),
    )
    ids = [each.pk for each in decisions if each.writes]
    last = Decision.objects.filter(
        ~Exists(newer), pk__in=ids, target_table=TABLE, target_id=F("field__record__target_id")
    )
    by_contact: dict[UUID, list[Decision]] = {}
    for each in last.select_related("field__record").order_by("decided_at", "pk"):
        by_contact.setdefault(each.target_id, []).append(each)
    known, found = columns.of_table(TABLE), list[Decision]()
    for batch in _batches(list(by_contact), MAX_CONTACTS_PER_REQUEST):
        names = {key: dict.fromkeys(each.field.column_name for each in by_contact[key]) for key in batch}
        wanted = {key: [known[name] for name in names[key] if name in known] for key in batch}
        answer = crm.live_contacts(wanted)
        for each in (decision for key in batch for decision in by_contact[key]):
            column, now = known.get(each.field.column_name), answer.get(each.target_id)
            if (
                now is None
                or column is None
                or column.name in now.problems
                or not conversion.same(column.type, now.values.get(column.name), each.held_value)
            ):
                found.append(each)
    return found
