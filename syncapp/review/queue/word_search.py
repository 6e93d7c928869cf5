"""Search in the queue: each search word must begin a word of the contact's, the editor's or the company's name.

Edits with a rare prefix are found by the word index and sorted afterwards. A frequent prefix is checked while the list
is read in its order, which soon fills a page, so a search never reads more than one tab.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.db.models import Q

from syncapp.mirror.edits.search_words import address_of
from syncapp.models import CrmUser, RecordWord
from syncapp.models.folding import has_words, words_of
from syncapp.models.mirror.sync_record import SyncRecordQuerySet

MAX_WORDS = 8
MAX_SORTED = 5000  # edits that can be sorted within some 10 ms
_LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class SearchTerms:
    """Search terms: words, or one e-mail address."""

    words: tuple[str, ...] = ()
    address: str = ""


def parse(text: str) -> SearchTerms:
    """Parse what was typed; the longest words come first, since they are the rarest."""
    if address := address_of(text):
        return SearchTerms(address=address)
    return SearchTerms(words=tuple(sorted(words_of(text), key=len, reverse=True)[:MAX_WORDS]))


def condition(text: str) -> Q:
    """Return the condition that edits must match. For words it uses no index; see `filter_records`."""
    sought = parse(text)
    if sought.address:
        editors = list(CrmUser.objects.filter(address__iexact=sought.address).values_list("pk", flat=True)[:MAX_WORDS])
        named = RecordWord.objects.filter(word=sought.address).values("record_id")[:MAX_SORTED]
        return Q(editor_id__in=editors) | Q(pk__in=named) if editors else Q(pk__in=named)
    return has_words(sought.words) if sought.words else Q(pk__in=())


def filter_records(rows: SyncRecordQuerySet, text: str) -> SyncRecordQuerySet:
    """Return the matching rows, through the word index if one of the prefixes is rare."""
    for word in parse(text).words:
        # The condition that the database's index supports: a pattern, or a range on SQLite.
        is_pattern = connection.vendor == "postgresql"
        prefix = Q(word__startswith=word) if is_pattern else Q(word__gte=word, word__lt=word + _LAST_CHARACTER)
        matching_words = RecordWord.objects.filter(prefix)
        if not matching_words[MAX_SORTED : MAX_SORTED + 1].exists():
            # The limit only changes the query plan: with it both databases start with these edits.
            rows = rows.filter(pk__in=matching_words.values("record_id")[:MAX_SORTED])
            break
    return rows.filter(condition(text))
