"""The name of each contact's company: of the contact's other data it alone is kept, for the list and for search."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from syncapp.crm.client import MOST_COMPANIES_AT_ONCE, CrmClient
from syncapp.mirror import upserts
from syncapp.mirror.edits import search_words
from syncapp.models import SyncRecord
from syncapp.models.locking import locked, retried

MOST_REQUESTS = 5  # a pull; what a first reading brings is asked for by the pulls after it


def read_missing(crm: CrmClient) -> int:
    """Ask for the companies of contacts whose edits wait and have none yet; return how many. Raises CrmError.

    Without such edits nothing is asked. A contact that is gone, or belongs to no company, is not asked for again.
    """
    asked = 0
    for _ in range(MOST_REQUESTS):
        edits = SyncRecord.objects.company_unasked().order_by("edited_on", "pk")
        targets = set(edits.values_list("target_id", flat=True)[:MOST_COMPANIES_AT_ONCE])
        contacts = {contact for contact in targets if contact is not None}
        if not contacts:
            break
        found = crm.companies(contacts)
        store({contact: found.get(contact, "") for contact in contacts})
        asked += len(contacts)
    return asked


def store(companies: Mapping[UUID, str]) -> None:
    """Keep these names with all edits of their contacts that have another one, and make the edits found by them."""
    named = {contact: name[:400] for contact, name in companies.items()}
    edits = SyncRecord.objects.shown().filter(target_table="contact", target_id__in=named)
    # Asked outside of a transaction: mostly nothing changed, and on SQLite one keeps every other writer waiting.
    held = edits.values_list("pk", "target_id", "company")
    changed = [pk for pk, contact, company in held if contact is not None and company != named[contact]]
    if changed:
        _write(changed, named)


@retried
def _write(ids: Collection[UUID], named: Mapping[UUID, str]) -> None:
    edits = locked(SyncRecord.objects.filter(pk__in=ids))
    rows, texts, known = [], {}, {}
    for record in edits.only("name", "editor_name", "target_id", "search_words"):
        record.company = named[record.contact]
        known[record.pk], texts[record.pk] = record.search_words or "", record.words_to_search
        rows.append({"id": record.pk, "company": record.company, "search_words": texts[record.pk]})
    upserts.update(SyncRecord, rows)
    search_words.add(texts, known)
