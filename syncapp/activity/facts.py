"""What the rows behind some entries say: whose edit, which labels, who decided. As many reads for one as for all."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from syncapp.models import (
    AuditEntry,
    AuditValue,
    Decision,
    FilterRun,
    FilterUser,
    Person,
    Rule,
    SyncField,
    SyncRecord,
)
from syncapp.models.audit import Area
from syncapp.text.ids import parse_uuid

# Entries whose values are people's ids.
ABOUT_PEOPLE = frozenset({"record.assigned"})


@dataclass(frozen=True, slots=True)
class Facts:
    """The rows behind the entries of one page, by id."""

    records: Mapping[uuid.UUID, SyncRecord]
    fields: Mapping[uuid.UUID, SyncField]
    decisions: Mapping[uuid.UUID, Decision]
    people: Mapping[uuid.UUID, Person]
    rules: Mapping[uuid.UUID, Rule]
    users: Mapping[uuid.UUID, FilterUser]
    runs: Mapping[uuid.UUID, FilterRun]

    def user(self, entry: AuditEntry) -> FilterUser | None:
        """The CRM's user whose filters or mailbox the entry is about."""
        return self.users.get(parse_uuid(entry.details.get("user")) or uuid.UUID(int=0))

    def run(self, entry: AuditEntry) -> FilterRun | None:
        """The filter run that the entry belongs to."""
        return self.runs.get(entry.group) if entry.group and entry.area == Area.FILTER else None

    def newer(self, entry: AuditEntry) -> SyncRecord | None:
        """The edit that superseded the field which the entry is about."""
        field = self.fields.get(parse_uuid(entry.details.get("by")) or uuid.UUID(int=0))
        return self.records.get(field.record_id) if field else None

    def rule(self, entry: AuditEntry) -> str:
        """The rule that decided, or that was changed; '' where there was none."""
        rule = self.rules.get(parse_uuid(entry.details.get("rule")) or uuid.UUID(int=0))
        return f"“{rule.name}”" if rule else ""

    def person(self, entry: AuditEntry) -> str:
        """Whose settings were changed; '' where nobody's were."""
        person = self.people.get(parse_uuid(entry.details.get("person")) or uuid.UUID(int=0))
        return person.name if person else ""

    def label(self, entry: AuditEntry, value: str | None) -> str:
        """What the CRM called this value when it was staged or chosen; '' where it is another value."""
        field = self.fields.get(entry.field_id) if entry.field_id else None
        if field is None or value is None:
            return ""
        decision = self.decisions.get(entry.decision_id) if entry.decision_id else None
        if decision is not None and decision.corrected_label and decision.value_to_write == value:
            return decision.corrected_label
        return field.label_of(value)


def value_of(entry: AuditEntry) -> AuditValue | None:
    """The entry's values; None where there were none, or they were erased."""
    return getattr(entry, "value", None)


def is_erased(entry: AuditEntry) -> bool:
    """Whether there were values that are no longer held: their digests stay."""
    return value_of(entry) is None and bool(entry.before_digest or entry.after_digest)


def of(entries: Sequence[AuditEntry]) -> Facts:
    """Read what is behind these entries."""
    of_filters = [entry for entry in entries if entry.area == Area.FILTER]
    superseding = [parse_uuid(entry.details.get("by")) for entry in entries if entry.action == "field.superseded"]
    fields = _fields([entry.field_id for entry in entries] + superseding)
    wanted = {entry.record_id for entry in entries} | {field.record_id for field in fields.values()}
    decisions = Decision.objects.select_related("decided_by", "rule").filter(
        pk__in=_ids(each.decision_id for each in entries)
    )
    return Facts(
        records=SyncRecord.objects.only("id", "name", "target_id", "editor_name", "edited_on").in_bulk(_ids(wanted)),
        fields=fields,
        decisions={decision.pk: decision for decision in decisions},
        people=Person.objects.in_bulk(_ids(_people(entries))),
        rules=Rule.objects.in_bulk(_ids(parse_uuid(entry.details.get("rule")) for entry in entries)),
        users=FilterUser.objects.only("id", "name").in_bulk(
            _ids(parse_uuid(each.details.get("user")) for each in of_filters)
        ),
        runs=FilterRun.objects.in_bulk(_ids(each.group for each in of_filters)),
    )


def _fields(ids: Iterable[uuid.UUID | None]) -> dict[uuid.UUID, SyncField]:
    labels = ("original_label", "proposed_label", "crm_now_label")
    values = ("original_value", "proposed_value", "crm_now_value")
    return SyncField.objects.only("id", "record_id", *labels, *values).in_bulk(_ids(ids))


def _people(entries: Sequence[AuditEntry]) -> Iterable[uuid.UUID | None]:
    for entry in entries:
        value = value_of(entry) if entry.action in ABOUT_PEOPLE else None
        yield from (parse_uuid(value.before), parse_uuid(value.after)) if value else ()
        yield parse_uuid(entry.details.get("asked"))
        yield parse_uuid(entry.details.get("person"))


def _ids(found: Iterable[uuid.UUID | None]) -> Collection[uuid.UUID]:
    return {each for each in found if each is not None}
