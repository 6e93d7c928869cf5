"""Search in the queue: each word typed begins a word of the contact's, the editor's or the company's name.

A beginning that few edits have gives them by the index of words, and they are put in order afterwards. One that many
have is looked for while the list is read in its order, and soon fills a page: a search reads no more than one view.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.db.models import Q

from syncapp.mirror.edits.search_words import address_of
from syncapp.models import CrmUser, RecordWord
from syncapp.models.folding import has_words, words_of
from syncapp.models.mirror.sync_record import SyncRecordQuerySet

MOST_WORDS = 8
FEW = 5000  # edits that can be found one by one and sorted in a few hundredths of a second
_LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class SearchTerms:
    """Typed search terms: words, or one e-mail address."""

    words: tuple[str, ...] = ()
    address: str = ""


def parse(text: str) -> SearchTerms:
    """Return what to look for; the longest words first, which are the rarest."""
    if address := address_of(text):
        return SearchTerms(address=address)
    return SearchTerms(words=tuple(sorted(words_of(text), key=len, reverse=True)[:MOST_WORDS]))


def condition(text: str) -> Q:
    """Return the condition that an edit fulfills which is found; no index answers it."""
    sought = parse(text)
    if sought.address:
        return _has_address(sought.address)
    return has_words(sought.words) if sought.words else Q(pk__in=())


def filter_records(rows: SyncRecordQuerySet, text: str) -> SyncRecordQuerySet:
    """Return the rows that are found, by the index of words where one of those typed begins few."""
    for word in parse(text).words:
        of_word = RecordWord.objects.filter(_begins(word))
        if not of_word[FEW : FEW + 1].exists():
            # The limit changes nothing but the plan: with it both databases find these edits first.
            rows = rows.filter(pk__in=of_word.values("record_id")[:FEW])
            break
    return rows.filter(condition(text))


def _has_address(address: str) -> Q:
    editors = list(CrmUser.objects.filter(address__iexact=address).values_list("pk", flat=True)[:MOST_WORDS])
    named = RecordWord.objects.filter(word=address).values("record_id")[:FEW]
    return Q(editor_id__in=editors) | Q(pk__in=named) if editors else Q(pk__in=named)


def _begins(word: str) -> Q:
    """Return a prefix in the form that the database's index answers: a pattern, or on SQLite a range."""
    if connection.vendor == "postgresql":
        return Q(word__startswith=word)
    return Q(word__gte=word, word__lt=word + _LAST_CHARACTER)
