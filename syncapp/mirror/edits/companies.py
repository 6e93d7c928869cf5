"""Company names of contacts, stored for the list and for search; other contact data is not stored."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from syncapp.crm.client import MAX_COMPANIES_PER_REQUEST, CrmClient
from syncapp.mirror import columns, upserts
from syncapp.mirror.edits import search_words
from syncapp.mirror.edits.contact_columns import COMPANY, TABLE
from syncapp.models import SyncRecord
from syncapp.models.locking import locked, retried

MAX_REQUESTS = 5  # per pull; the following pulls continue


def read_missing(crm: CrmClient) -> int:
    """Read the missing companies of contacts with waiting edits; return the number of contacts. Raises CrmError.

    A contact that is deleted or has no company is not read again.
    """
    read = 0
    for _ in range(MAX_REQUESTS):
        edits = SyncRecord.objects.without_company().order_by("edited_on", "pk")
        targets = set(edits.values_list("target_id", flat=True)[:MAX_COMPANIES_PER_REQUEST])
        contacts = {contact for contact in targets if contact is not None}
        if not contacts or not columns.select(TABLE, [COMPANY]):
            break
        found = crm.companies(contacts)
        store({contact: found.get(contact, "") for contact in contacts})
        read += len(contacts)
    return read


def store(companies: Mapping[UUID, str]) -> None:
    """Store these names with the visible edits of their contacts, and index them for search."""
    names = {contact: name[:400] for contact, name in companies.items()}
    edits = SyncRecord.objects.visible().filter(target_table="contact", target_id__in=names)
    # Read outside of a transaction, which on SQLite would block every other writer although usually nothing has
    # changed.
    stored = edits.values_list("pk", "target_id", "company")
    changed = [pk for pk, contact, company in stored if contact is not None and company != names[contact]]
    if changed:
        _write(changed, names)


@retried
def _write(ids: Collection[UUID], names: Mapping[UUID, str]) -> None:
    edits = locked(SyncRecord.objects.filter(pk__in=ids))
    rows, texts, known = [], {}, {}
    for record in edits.only("name", "editor_name", "target_id", "search_words"):
        record.company = names[record.contact]
        known[record.pk], texts[record.pk] = record.search_words or "", record.words_to_search
        rows.append({"id": record.pk, "company": record.company, "search_words": texts[record.pk]})
    upserts.update(SyncRecord, rows)
    search_words.add(texts, known)
