"""Live values of the CRM in the columns of edits, kept beside each edit with the time of reading."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from syncapp.crm.client import MOST_CONTACTS_AT_ONCE, CrmClient
from syncapp.crm.deadline import Deadline
from syncapp.crm.errors import CrmError
from syncapp.crm.staging.records import STATE_COLUMNS, Column, LiveContact
from syncapp.crm.values import conversion
from syncapp.jobs import breakers
from syncapp.mirror import columns
from syncapp.mirror.edits import companies
from syncapp.models import SyncField, SyncRecord
from syncapp.models.locking import locked, retried

SECONDS = 3.0
MOST_RECORDS = 200  # of one call
TABLE = "contact"
OWNER, COMPANY = "ownerid", "parentcustomerid"
STORED = ("crm_now_value", "crm_now_label", "crm_now_read_at", "contact_is_gone", "contact_state")


@dataclass(frozen=True, slots=True)
class ContactDetails:
    """The contact's owner, company and merge target by name, live from the CRM; '' for none. Only `company` is kept."""

    owner: str = ""
    company: str = ""
    merged_into: str = ""


@dataclass(frozen=True, slots=True)
class RefreshResult:
    """The result of one reading: fields whose value differs from the known one, and whether the contact exists.

    `gone_changed`: that it is there, or is in use, is not what was known. `unreadable` says in a sentence why the value
    of a field could not be read; what was known of it stays.
    """

    changed: frozenset[UUID] = frozenset()
    contact_is_gone: bool = False
    gone_changed: bool = False
    belongs: ContactDetails = ContactDetails()
    unreadable: Mapping[UUID, str] = field(default_factory=dict)


def refresh_record(record: SyncRecord, *, crm: CrmClient) -> RefreshResult:
    """Read the contact's present values for the fields that can be decided, within SECONDS. Raises CrmError.

    A value that means the same as the known one leaves that as it stands, so a form stays good until the CRM's
    value really differs (decisions.seen covers it).
    """
    return refresh_records([record.pk], crm=crm).get(record.pk, RefreshResult())


def refresh_if_answering(record_ids: Collection[UUID], *, crm: CrmClient) -> dict[UUID, RefreshResult] | None:
    """Read as `refresh_records`; None, without an error, where the CRM is known not to answer or did not in time."""
    if not breakers.all_closed(breakers.SILENT_BREAKERS):
        return None
    try:
        return refresh_records(record_ids, crm=crm)
    except CrmError:
        return None


def refresh_records(record_ids: Collection[UUID], *, crm: CrmClient) -> dict[UUID, RefreshResult]:
    """Read as `refresh_crm_now` for several edits, all within SECONDS. Raises CrmError.

    One request takes up to MOST_CONTACTS_AT_ONCE contacts; what came before an error is kept. Edits without a field
    that can be decided are not asked for and are absent.
    """
    if len(record_ids) > MOST_RECORDS:
        raise ValueError(f"At most {MOST_RECORDS} edits at once, not {len(record_ids)}.")
    known = columns.of_table(TABLE)
    rows = SyncField.objects.filter(record__in=record_ids, record__target_table=TABLE, record__target_id__isnull=False)
    of_contacts: dict[UUID, list[SyncField]] = defaultdict(list)
    for row in rows.open().select_related("record").order_by("record__edited_on", "record", "pk"):
        if row.column_name in known:
            of_contacts[row.record.contact].append(row)
    found: dict[UUID, RefreshResult] = {}
    deadline = Deadline.after(SECONDS)
    for contacts in _chunks(of_contacts):
        answer = crm.live_contacts({key: _wanted(of, known) for key, of in contacts.items()}, deadline=deadline)
        found |= _store(contacts, answer, known)
    return found


def _chunks(contacts: Mapping[UUID, list[SyncField]]) -> Iterator[dict[UUID, list[SyncField]]]:
    ids = list(contacts)
    for start in range(0, len(ids), MOST_CONTACTS_AT_ONCE):
        yield {key: contacts[key] for key in ids[start : start + MOST_CONTACTS_AT_ONCE]}


def _wanted(fields: Sequence[SyncField], known: Mapping[str, Column]) -> list[Column]:
    """Return the columns of the fields, each once, and those that say whose contact it is and whether it is in use."""
    names = dict.fromkeys([*(field.column_name for field in fields), OWNER, COMPANY, *STATE_COLUMNS])
    return [known[name] for name in names if name in known]


def _store(
    contacts: Mapping[UUID, Sequence[SyncField]], answer: Mapping[UUID, LiveContact], known: Mapping[str, Column]
) -> dict[UUID, RefreshResult]:
    if COMPANY in known:
        companies.store({key: now.labels.get(COMPANY, "") for key, now in answer.items()})
    return _store_values(contacts, answer, known)


@retried
def _store_values(
    contacts: Mapping[UUID, Sequence[SyncField]], answer: Mapping[UUID, LiveContact], known: Mapping[str, Column]
) -> dict[UUID, RefreshResult]:
    found: dict[UUID, RefreshResult] = {}
    stored = _locked(contacts)
    for contact, fields in contacts.items():
        of_records: dict[UUID, list[SyncField]] = defaultdict(list)
        for each in fields:
            of_records[each.record_id].append(each)
        for record_id, its_fields in of_records.items():
            found[record_id] = _keep(its_fields, stored, answer.get(contact), known)
    SyncField.objects.bulk_update(stored.values(), STORED)
    return found


def _locked(contacts: Mapping[UUID, Sequence[SyncField]]) -> dict[UUID, SyncField]:
    """Return the fields as they are stored now, locked in the order in which decisions lock them."""
    ids = [each.pk for fields in contacts.values() for each in fields]
    return {row.pk: row for row in locked(SyncField.objects.filter(pk__in=ids))}


def _keep(
    fields: Sequence[SyncField], stored: Mapping[UUID, SyncField], now: LiveContact | None, known: Mapping[str, Column]
) -> RefreshResult:
    """Put what was read of one edit's contact into the stored rows."""
    here = [stored[each.pk] for each in fields if each.pk in stored]
    gone_changed = any(row.contact_is_gone != (now is None) for row in here)
    for row in here:
        row.contact_is_gone = now is None
    if now is None:
        return RefreshResult(contact_is_gone=True, gone_changed=gone_changed)
    gone_changed |= any(row.contact_state != now.state for row in here)
    unreadable: dict[UUID, str] = {}
    changed: set[UUID] = set()
    for before in fields:
        if before.column_name in now.problems:
            unreadable[before.pk] = now.problems[before.column_name]
        elif before.pk in stored and _keep_value(stored[before.pk], before, known[before.column_name], now):
            changed.add(before.pk)
    for row in here:
        row.contact_state = now.state
    return RefreshResult(frozenset(changed), gone_changed=gone_changed, belongs=_belongs(now), unreadable=unreadable)


def _belongs(now: LiveContact) -> ContactDetails:
    return ContactDetails(now.labels.get(OWNER, ""), now.labels.get(COMPANY, ""), merged_into=now.merged_into)


def _keep_value(row: SyncField, before: SyncField, column: Column, now: LiveContact) -> bool:
    """Take over one value; True where it is another than was known. A field that moved meanwhile stays as it is."""
    if (row.revision, row.decision) != (before.revision, before.decision):
        return False
    read = now.values.get(row.column_name)
    differs = not conversion.same(column.type, read, row.expected_value)
    row.crm_now_value = read if differs else row.expected_value
    row.crm_now_label = now.labels.get(row.column_name) or ""
    row.crm_now_read_at = now.read_at
    return differs
