"""What the CRM holds at this moment in the columns of one edit, kept beside the edit with the time of reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from syncapp.crm import values
from syncapp.crm.client import CrmClient
from syncapp.crm.deadline import Deadline
from syncapp.crm.records import STATE_COLUMNS, Column, ContactNow
from syncapp.mirror import columns, companies
from syncapp.models import SyncField, SyncRecord

SECONDS = 3.0
OWNER, COMPANY = "ownerid", "parentcustomerid"


@dataclass(frozen=True, slots=True)
class Belongs:
    """The contact's owner, company and merge target by name, live from the CRM; '' for none. Only `company` is kept."""

    owner: str = ""
    company: str = ""
    merged_into: str = ""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The result of one reading: fields whose value differs from the known one, and whether the contact exists.

    `gone_changed`: that it is there, or is in use, is not what was known. `unreadable` says in a sentence why the value
    of a field could not be read; what was known of it stays.
    """

    changed: frozenset[UUID] = frozenset()
    contact_is_gone: bool = False
    gone_changed: bool = False
    belongs: Belongs = Belongs()
    unreadable: Mapping[UUID, str] = field(default_factory=dict)


def refresh_crm_now(record: SyncRecord, *, crm: CrmClient) -> Refreshed:
    """Read the contact's present values for the fields that can be decided, within SECONDS. Raises CrmError.

    A value that means the same as the known one leaves that as it stands, so a form stays good until the CRM's
    value really differs (decisions.seen covers it).
    """
    known = columns.of_table(record.target_table)
    fields = [field for field in SyncField.objects.filter(record=record).open() if field.column_name in known]
    if not fields or record.target_id is None or record.target_table != "contact":
        return Refreshed()
    around = [known[name] for name in (OWNER, COMPANY, *STATE_COLUMNS) if name in known]
    wanted = {record.target_id: [*(known[field.column_name] for field in fields), *around]}
    answer = crm.contacts_now(wanted, deadline=Deadline.after(SECONDS))
    now = answer.get(record.target_id)
    gone_changed = _mark_gone(fields, is_gone=now is None)
    if now is None:
        return Refreshed(contact_is_gone=True, gone_changed=gone_changed)
    if COMPANY in known:
        companies.keep({record.target_id: now.labels.get(COMPANY, "")})
    unreadable = {each.pk: now.problems[each.column_name] for each in fields if each.column_name in now.problems}
    readable = [each for each in fields if each.pk not in unreadable]
    changed = frozenset(each.pk for each in readable if _keep(each, known[each.column_name], now))
    state_changed = gone_changed | _mark_state(fields, now)
    return Refreshed(changed, gone_changed=state_changed, belongs=_belongs(now), unreadable=unreadable)


def _belongs(now: ContactNow) -> Belongs:
    return Belongs(now.labels.get(OWNER, ""), now.labels.get(COMPANY, ""), merged_into=now.merged_into)


def _mark_state(fields: Sequence[SyncField], now: ContactNow) -> bool:
    moved = [field.pk for field in fields if field.contact_state != now.state]
    return bool(moved) and SyncField.objects.filter(pk__in=moved).update(contact_state=now.state) > 0


def _mark_gone(fields: Sequence[SyncField], *, is_gone: bool) -> bool:
    moved = [field.pk for field in fields if field.contact_is_gone != is_gone]
    return bool(moved) and SyncField.objects.filter(pk__in=moved).update(contact_is_gone=is_gone) > 0


def _keep(field: SyncField, column: Column, now: ContactNow) -> bool:
    """Store one value; True where it is another than was known. A field that moved meanwhile stays as it is."""
    read = now.values.get(field.column_name)
    differs = not values.same(column.type, read, field.expected_value)
    unmoved = SyncField.objects.filter(pk=field.pk, revision=field.revision, decision=field.decision)
    stored = unmoved.update(
        crm_now_value=read if differs else field.expected_value,
        crm_now_label=now.labels.get(field.column_name) or "",
        crm_now_read_at=now.read_at,
    )
    return differs and stored == 1
