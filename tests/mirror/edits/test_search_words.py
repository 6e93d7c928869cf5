"""Indexing of edits that an earlier release stored without search words."""

from __future__ import annotations

import pytest

from syncapp.mirror.edits import search_words
from syncapp.models import RecordWord, SyncRecord
from syncapp.review.queue import word_search
from tests.support.factories import make_editor, make_field, make_record
from tests.support.world import World


def as_before(**columns: object) -> None:
    """Store all edits as the previous release did."""
    RecordWord.objects.all().delete()
    SyncRecord.objects.update(search_words=None, company=None, **columns)


def found(text: str) -> list[str]:
    return [record.name for record in word_search.filter_records(SyncRecord.objects.visible(), text)]


@pytest.mark.django_db
def test_fill_creates_words_keys_and_addresses(monkeypatch):
    monkeypatch.setattr(search_words, "BATCH", 2)
    for number in range(5):
        record = make_record(f"Élodie {number}", editor=make_editor("Åsa Hedlund"))
        make_field(record, "emailaddress1", proposed_value=f"e{number}@contoso.example")
    as_before(name_key="élodie", editor_key="åsa hedlund")

    assert search_words.fill() == 5

    assert len(found("elo hed")) == 5
    assert found("e3@contoso.example") == ["Élodie 3"]
    assert set(SyncRecord.objects.values_list("editor_key", flat=True)) == {"asa hedlund"}
    assert "elodie 3" in SyncRecord.objects.values_list("name_key", flat=True)
    assert search_words.fill() == 0


@pytest.mark.django_db(transaction=True)
def test_next_pull_fills_missing_words(world: World):
    world.reset(contacts=3)
    world.outlook(world.contact(), jobtitle="Head")
    world.pull()
    (name,) = SyncRecord.objects.values_list("name", flat=True)
    as_before()
    assert found(name.split()[-1]) == []

    world.pull()

    assert found(name.split()[-1]) == [name]
