"""Live values: the CRM's current values in the columns of edits, stored with each field and the time of reading."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from syncapp.crm.client import MAX_CONTACTS_PER_REQUEST, CrmClient
from syncapp.crm.deadline import Deadline
from syncapp.crm.errors import CrmError
from syncapp.crm.staging.records import STATE_COLUMNS, Column, LiveContact
from syncapp.crm.values import conversion
from syncapp.jobs import breakers
from syncapp.mirror import columns
from syncapp.mirror.edits import companies
from syncapp.mirror.edits.contact_columns import COMPANY, OWNER, TABLE
from syncapp.models import Breaker, SyncField, SyncRecord
from syncapp.models.locking import locked, retried

SECONDS = 3.0
MAX_RECORDS = 200  # per call
STORED_COLUMNS = ("crm_now_value", "crm_now_label", "crm_now_read_at", "contact_is_gone", "contact_state")


@dataclass(frozen=True, slots=True)
class ContactDetails:
    """Names of the contact's owner, company and merge target; '' for none. Only `company` is stored."""

    owner: str = ""
    company: str = ""
    merged_into: str = ""


@dataclass(frozen=True, slots=True)
class RefreshResult:
    """The result of one read: the fields whose value changed, and whether the contact is gone.

    `gone_changed`: the contact's existence or state differs from the stored one. `unreadable` explains, by field, why a
    value could not be read; the stored value is kept.
    """

    changed: frozenset[UUID] = frozenset()
    contact_is_gone: bool = False
    gone_changed: bool = False
    details: ContactDetails = ContactDetails()
    unreadable: Mapping[UUID, str] = field(default_factory=dict)


def refresh_record(record: SyncRecord, *, crm: CrmClient) -> RefreshResult:
    """Read the live values of an edit's undecided and failed fields, within SECONDS. Raises CrmError.

    An equivalent value leaves the stored one unchanged, so a form stays valid until the CRM's value really differs
    (the value is part of `review.context.digest`).
    """
    return refresh_records([record.pk], crm=crm).get(record.pk, RefreshResult())


def refresh_if_answering(record_ids: Collection[UUID], *, crm: CrmClient) -> dict[UUID, RefreshResult] | None:
    """Do the same as `refresh_records`, but return None if the CRM refuses, is down or does not answer in time.

    A refusal opens a breaker; then only its probes ask the CRM.
    """
    if not breakers.all_closed(breakers.SILENT_BREAKERS):
        return None
    permit = breakers.try_acquire((Breaker.Name.REFUSED_LIVE,))
    if permit is None:
        return None
    try:
        found = refresh_records(record_ids, crm=crm)
    except CrmError as error:
        if error.is_refusal:
            columns.expire(TABLE)
            breakers.record_refusal(Breaker.Name.REFUSED_LIVE, error)
        return None
    if permit.probes and found:
        breakers.reset(Breaker.Name.REFUSED_LIVE)
    return found


def are_refused() -> bool:
    """Return whether the CRM refuses reads of live values."""
    return not breakers.all_closed((Breaker.Name.REFUSED_LIVE,))


def retry_refused(crm: CrmClient) -> None:
    """Read one edit's live values if they were refused and a probe is due; without an open edit, close the breaker."""
    if not are_refused() or not breakers.allows_dispatch((Breaker.Name.REFUSED_LIVE,)):
        return
    known = columns.of_table(TABLE)
    fields = SyncField.objects.open().filter(record__target_table=TABLE, record__target_id__isnull=False)
    record_id = fields.filter(column_name__in=known).values_list("record", flat=True).first()
    if record_id is None:
        breakers.reset(Breaker.Name.REFUSED_LIVE)
    else:
        refresh_if_answering([record_id], crm=crm)


def refresh_records(record_ids: Collection[UUID], *, crm: CrmClient) -> dict[UUID, RefreshResult]:
    """Do the same as `refresh_record` for several edits, all within SECONDS. Raises CrmError.

    One request reads up to MAX_CONTACTS_PER_REQUEST contacts; results before an error are stored. Edits without
    undecided or failed fields are not read, and are absent from the result.
    """
    if len(record_ids) > MAX_RECORDS:
        raise ValueError(f"At most {MAX_RECORDS} edits at once, not {len(record_ids)}.")
    known = columns.of_table(TABLE)
    rows = SyncField.objects.filter(record__in=record_ids, record__target_table=TABLE, record__target_id__isnull=False)
    fields_by_contact: dict[UUID, list[SyncField]] = defaultdict(list)
    for row in rows.open().select_related("record").order_by("record__edited_on", "record", "pk"):
        if row.column_name in known:
            fields_by_contact[row.record.contact].append(row)
    found: dict[UUID, RefreshResult] = {}
    deadline = Deadline.after(SECONDS)
    ids = list(fields_by_contact)
    for start in range(0, len(ids), MAX_CONTACTS_PER_REQUEST):
        contacts = {key: fields_by_contact[key] for key in ids[start : start + MAX_CONTACTS_PER_REQUEST]}
        wanted = {}
        for key, fields in contacts.items():
            names = dict.fromkeys([*(each.column_name for each in fields), OWNER, COMPANY, *STATE_COLUMNS])
            wanted[key] = [known[name] for name in names if name in known]
        answer = crm.live_contacts(wanted, deadline=deadline)
        if COMPANY in known:
            companies.store({key: live.labels.get(COMPANY, "") for key, live in answer.items()})
        found |= _store_values(contacts, answer, known)
    return found


@retried
def _store_values(
    contacts: Mapping[UUID, Sequence[SyncField]], answer: Mapping[UUID, LiveContact], known: Mapping[str, Column]
) -> dict[UUID, RefreshResult]:
    found: dict[UUID, RefreshResult] = {}
    ids = [each.pk for fields in contacts.values() for each in fields]
    stored = {row.pk: row for row in locked(SyncField.objects.filter(pk__in=ids).select_related("record"))}
    for contact, fields in contacts.items():
        fields_by_record: dict[UUID, list[SyncField]] = defaultdict(list)
        for each in fields:
            fields_by_record[each.record_id].append(each)
        for record_id, record_fields in fields_by_record.items():
            found[record_id] = _store_record(record_fields, stored, answer.get(contact), known)
    SyncField.objects.bulk_update(stored.values(), STORED_COLUMNS)
    return found


def _store_record(
    fields: Sequence[SyncField], stored: Mapping[UUID, SyncField], live: LiveContact | None, known: Mapping[str, Column]
) -> RefreshResult:
    """Update the stored rows of one edit with the values read from its contact."""
    rows = [stored[each.pk] for each in fields if each.pk in stored]
    gone_changed = any(row.contact_is_gone != (live is None) for row in rows)
    for row in rows:
        row.contact_is_gone = live is None
    if live is None:
        return RefreshResult(contact_is_gone=True, gone_changed=gone_changed)
    gone_changed |= any(row.contact_state != live.state for row in rows)
    unreadable: dict[UUID, str] = {}
    changed: set[UUID] = set()
    for before in fields:
        name, found = before.column_name, stored.get(before.pk)
        if name in live.problems:
            unreadable[before.pk] = live.problems[name]
        # A field that was decided or changed in the meantime is skipped.
        elif found and (found.revision, found.decision) == (before.revision, before.decision):
            value = live.values.get(name)
            differs = not conversion.same(known[name].type, value, found.expected_value)
            found.crm_now_value = value if differs else found.expected_value
            found.crm_now_label = live.labels.get(name) or ""
            found.crm_now_read_at = live.read_at
            if differs:
                changed.add(before.pk)
    for row in rows:
        row.contact_state = live.state
    details = ContactDetails(live.labels.get(OWNER, ""), live.labels.get(COMPANY, ""), merged_into=live.merged_into)
    return RefreshResult(frozenset(changed), gone_changed=gone_changed, details=details, unreadable=unreadable)
