"""The rows that audit entries refer to, read together for a page of entries."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from syncapp.models import (
    AuditEntry,
    AuditValue,
    Decision,
    FilterPolicy,
    FilterRun,
    FilterUser,
    Person,
    PutBackPlan,
    Rule,
    SyncField,
    SyncRecord,
    UserList,
)
from syncapp.models.audit import Area
from syncapp.text.ids import parse_uuid

# Entries whose values are people's ids.
ABOUT_PEOPLE = frozenset({"record.assigned"})
ABSENCE = "person.absence"


@dataclass(frozen=True, slots=True)
class Facts:
    """The rows that the entries of a page refer to, by id."""

    records: Mapping[uuid.UUID, SyncRecord]
    fields: Mapping[uuid.UUID, SyncField]
    decisions: Mapping[uuid.UUID, Decision]
    people: Mapping[uuid.UUID, Person]
    rules: Mapping[uuid.UUID, Rule]
    users: Mapping[uuid.UUID, FilterUser]
    runs: Mapping[uuid.UUID, FilterRun]
    policies: Mapping[uuid.UUID, FilterPolicy]
    lists: Mapping[uuid.UUID, UserList]
    plans: Mapping[uuid.UUID, PutBackPlan]

    def user(self, entry: AuditEntry) -> FilterUser | None:
        """Return the CRM user that the entry is about."""
        return self.users.get(parse_uuid(entry.details.get("user")) or uuid.UUID(int=0))

    def run(self, entry: AuditEntry) -> FilterRun | None:
        """Return the filter run that the entry belongs to."""
        return self.runs.get(entry.group) if entry.group and entry.area == Area.FILTER else None

    def policy(self, entry: AuditEntry) -> FilterPolicy | None:
        """Return the policy that the entry is about."""
        return self.policies.get(entry.group) if entry.group else None

    def plan(self, entry: AuditEntry) -> PutBackPlan | None:
        """Return the put-back plan that the entry is a step of."""
        return self.plans.get(entry.group) if entry.group else None

    def user_list(self, entry: AuditEntry) -> UserList | None:
        """Return the list of users that the entry is about."""
        return self.lists.get(entry.group) if entry.group else None

    def superseding_edit(self, entry: AuditEntry) -> SyncRecord | None:
        """Return the edit that superseded the entry's field."""
        field = self.fields.get(parse_uuid(entry.details.get("by")) or uuid.UUID(int=0))
        return self.records.get(field.record_id) if field else None

    def rule(self, entry: AuditEntry) -> Rule | None:
        """Return the rule that decided or was changed."""
        return self.rules.get(parse_uuid(entry.details.get("rule")) or uuid.UUID(int=0))

    def person(self, entry: AuditEntry) -> Person | None:
        """Return the person whose settings were changed."""
        return self.people.get(parse_uuid(entry.details.get("person")) or uuid.UUID(int=0))

    def label(self, entry: AuditEntry, value: str | None) -> str:
        """Return the label that the CRM had for a value when it was staged or selected; '' if unknown."""
        field = self.fields.get(entry.field_id) if entry.field_id else None
        if field is None or value is None:
            return ""
        decision = self.decisions.get(entry.decision_id) if entry.decision_id else None
        if decision is not None and decision.corrected_label and decision.value_to_write == value:
            return decision.corrected_label
        return field.label_of(value)


def values_of(entry: AuditEntry) -> AuditValue | None:
    """Return the entry's values; None if there are none, or they were erased."""
    return getattr(entry, "value", None)


def is_erased(entry: AuditEntry) -> bool:
    """Return whether the entry's values were erased; their digests remain."""
    return values_of(entry) is None and bool(entry.before_digest or entry.after_digest)


def load(entries: Sequence[AuditEntry]) -> Facts:
    """Read the rows that these entries refer to."""
    filter_entries = [entry for entry in entries if entry.area == Area.FILTER]
    superseding = [parse_uuid(entry.details.get("by")) for entry in entries if entry.action == "field.superseded"]
    labels = ("original_label", "proposed_label", "crm_now_label")
    stored_values = ("original_value", "proposed_value", "crm_now_value")
    field_ids = _ids([entry.field_id for entry in entries] + superseding)
    fields = SyncField.objects.only("id", "record_id", *labels, *stored_values).in_bulk(field_ids)
    people = [parse_uuid(each.details.get(name)) for each in entries for name in ("asked", "person")]
    for value in (values_of(each) for each in entries if each.action in ABOUT_PEOPLE):
        people += [parse_uuid(value.before), parse_uuid(value.after)] if value else []
    for value in (values_of(each) for each in entries if each.action == ABSENCE):
        # The value is a day, followed by the id of a deputy.
        people += [parse_uuid((text or "").partition(" ")[2]) for text in (value.before, value.after)] if value else []
    record_ids = {entry.record_id for entry in entries} | {field.record_id for field in fields.values()}
    decisions = Decision.objects.select_related("decided_by", "rule").filter(
        pk__in=_ids(each.decision_id for each in entries)
    )
    return Facts(
        records=SyncRecord.objects.only("id", "name", "target_id", "editor_name", "edited_on").in_bulk(
            _ids(record_ids)
        ),
        fields=fields,
        decisions={decision.pk: decision for decision in decisions},
        people=Person.objects.in_bulk(_ids(people)),
        rules=Rule.objects.in_bulk(_ids(parse_uuid(entry.details.get("rule")) for entry in entries)),
        users=FilterUser.objects.only("id", "name").in_bulk(
            _ids(parse_uuid(each.details.get("user")) for each in entries)
        ),
        runs=FilterRun.objects.select_related("person", "confirmed_by", "policy", "undoes").in_bulk(
            _ids(each.group for each in filter_entries if each.action.startswith(("run.", "filter.")))
        ),
        policies=FilterPolicy.objects.in_bulk(
            _ids(each.group for each in filter_entries if each.action.startswith("policy."))
        ),
        plans=PutBackPlan.objects.select_related("created_by", "started_by").in_bulk(
            _ids(each.group for each in entries if each.action.startswith("capture.put_back_"))
        ),
        lists=UserList.objects.in_bulk(_ids(each.group for each in filter_entries if each.action.startswith("list."))),
    )


def _ids(ids: Iterable[uuid.UUID | None]) -> Collection[uuid.UUID]:
    return {each for each in ids if each is not None}
