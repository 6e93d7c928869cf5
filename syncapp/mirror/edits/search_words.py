"""Search words of edits, stored with each edit and as rows of a prefix index."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from syncapp.mirror import upserts
from syncapp.models import RecordWord, SyncField, SyncRecord
from syncapp.models.folding import MAX_WORD, folded, search_key
from syncapp.models.locking import locked, retried

BATCH = 1000


def add(texts: Mapping[UUID, str], known: Mapping[UUID, str]) -> None:
    """Add index rows for the words of these edits that are not in their `known` texts."""
    rows = (
        {"word": word, "record_id": record_id}
        for record_id, text in texts.items()
        for word in set(text.split()) - set(known.get(record_id, "").split())
    )
    # In the order of the index, so that equal words are written to the same page.
    upserts.insert(RecordWord, sorted(rows, key=lambda row: str(row["word"])))


def add_addresses(values: Iterable[tuple[UUID, Sequence[str | None]]]) -> None:
    """Add index rows for the e-mail addresses among these edits' field values."""
    found = {(address_of(text), record_id) for record_id, texts in values for text in texts if text and "@" in text}
    rows = [{"word": address, "record_id": record_id} for address, record_id in sorted(found) if address]
    upserts.insert(RecordWord, rows)


def address_of(value: str) -> str:
    """Return the folded value if it is an e-mail address, else ''."""
    text = folded(value).strip()
    is_one_word = text.isprintable() and " " not in text
    user, _, domain = text.partition("@")
    return text[:MAX_WORD] if is_one_word and user and domain and "@" not in domain else ""


def fill(*, until: float | None = None) -> int:
    """Index edits that an earlier release stored without words, until the monotonic time `until`."""
    filled = 0
    # Checked outside of a transaction, which on SQLite would block every other writer.
    while SyncRecord.objects.without_words().exists():
        filled += _fill_batch()
        if until is not None and time.monotonic() > until:
            break
    return filled


@retried
def _fill_batch() -> int:
    some = locked(SyncRecord.objects.without_words()).only("name", "editor_name", "company")
    records = list(some[:BATCH])
    texts = {record.pk: record.words_to_search for record in records}
    keys = {record.pk: (search_key(record.name), search_key(record.editor_name)) for record in records}
    columns = ("id", "search_words", "name_key", "editor_key")
    upserts.update(SyncRecord, [dict(zip(columns, (pk, texts[pk], *keys[pk]), strict=True)) for pk in texts])
    add(texts, {})
    fields = SyncField.objects.filter(record__in=texts).values_list("record_id", "original_value", "proposed_value")
    add_addresses((record_id, values) for record_id, *values in fields)
    return len(records)
