"""Hundreds of thousands of staged edits, generated inside the database.

Newer edits have higher numbers. The newer half waits. Of the older half, one edit in a hundred needs attention, one in
a hundred is being written, and the rest is decided, as in a portal that has been in use for a long time.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import Field

from benches import tables
from syncapp.models import RecordWord, SyncField, SyncRecord
from syncapp.models.folding import folded

Fold = Callable[[str], str]
Word = Callable[[Fold], str]
FIRST_NAMES = (
    "Marta",
    "Jonas",
    "Ingrid",
    "Tomás",
    "Aisha",
    "Pavel",
    "Chiara",
    "Mehmet",
    "Solveig",
    "Renée",
    "Dagmar",
    "Łukasz",
)
LAST_NAMES = (
    "Villanueva",
    "Weber",
    "Aas",
    "Ferreira",
    "Hadid",
    "Novák",
    "Rossi",
    "Yılmaz",
    "Dahl",
    "Lefèvre",
    "Brandt",
    "Kowalski",
    "Okafor",
    "Lindqvist",
)
COMPANY_NAMES = ("Contoso", "Fabrikam", "Northwind", "Adatum", "Marchetti", "Tailspin", "Wingtip")
COMPANIES = 5000
EDITORS = 200
EDITOR = uuid.UUID(int=7)
COLUMNS = ("jobtitle", "telephone1")
# Ten of half a million edits change a fax number instead; one in a hundred changes only the phone number's format.
_COLUMN = "CASE WHEN changed.name = 'telephone1' AND r.version % 50000 = 7 THEN 'fax' ELSE changed.name END"
_KIND = "CASE WHEN changed.name = 'telephone1' AND r.version % 100 = 7 THEN 'format' ELSE 'other' END"

_NUMBERS = "WITH RECURSIVE edit(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM edit WHERE n + 1 < {edits})"
_DECIDED = "(n < {edits} / 2 AND n % 100 > 1)"
_WRITING = "(n < {edits} / 2 AND n % 100 = 1)"
_FAILED = "(n < {edits} / 2 AND n % 100 = 0)"
_BY_VENDOR = {
    "sqlite": {
        "id": "lower(hex(randomblob(16)))",
        "time": "strftime('%Y-%m-%d %H:%M:%S', 1750000000 + n * 13, 'unixepoch')",
        "editor": f"printf('%032x', n % {EDITORS})",
    },
    "postgresql": {
        "id": "gen_random_uuid()",
        "time": "to_timestamp(1750000000 + n * 13)",
        "editor": f"lpad(to_hex(n % {EDITORS}), 32, '0')::uuid",
    },
}


def fill(fields: int) -> None:
    """Empty the tables and create this many staged fields, two per edit."""
    tables.empty()
    with transaction.atomic():
        _records(fields // len(COLUMNS))
        _fields(fields // len(COLUMNS))
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # Autovacuum would do this within a minute. SQLite has no autovacuum, so nothing is analyzed there.
            cursor.execute("VACUUM ANALYZE")


# Each word of the names of an edit's contact, editor and company.
_CONTACT = (
    lambda fold: _picked(FIRST_NAMES, "n", fold),
    lambda fold: _picked(LAST_NAMES, f"(n / {len(FIRST_NAMES)})", fold),
    lambda fold: _text("n"),
)
_EDITOR = (
    lambda fold: _picked(FIRST_NAMES, f"n % {EDITORS}", fold),
    lambda fold: _picked(LAST_NAMES, f"n % {EDITORS}", fold),
    lambda fold: _text(f"n % {EDITORS}"),
)
_COMPANY = (
    lambda fold: _picked(COMPANY_NAMES, "n", fold),
    lambda fold: _text(f"n % {COMPANIES}"),
)


def _records(edits: int) -> None:
    numbers = _NUMBERS.format(edits=edits)
    name, editor, company = (_name(words, as_it_is) for words in (_CONTACT, _EDITOR, _COMPANY))
    decided, writing, failed = (state.format(edits=edits) for state in (_DECIDED, _WRITING, _FAILED))
    insert(
        SyncRecord,
        f"{numbers} SELECT {{columns}} FROM edit",  # noqa: S608  (no input)
        name=name,
        name_key=_name(_CONTACT, folded),
        target_table="'contact'",
        target_id=own("id"),
        editor_id=own("editor"),
        editor_name=editor,
        editor_key=_name(_EDITOR, folded),
        company=company,
        search_words=f"' ' || {_name((*_CONTACT, *_EDITOR, *_COMPANY), folded)}",
        edited_on=own("time"),
        version="n",
        generation="1",
        waiting_count=f"CASE WHEN {decided} OR {writing} OR {failed} THEN 0 ELSE 2 END",
        attention_count=f"CASE WHEN {failed} THEN 2 ELSE 0 END",
        writing_count=f"CASE WHEN {writing} THEN 2 ELSE 0 END",
    )
    for word in (*_CONTACT, *_EDITOR, *_COMPANY):
        # The version is the edit's number.
        source = f"SELECT id, version AS n FROM {SyncRecord._meta.db_table} ORDER BY version"  # noqa: S608  (no input)
        rows = f"SELECT {word(folded)}, id FROM ({source}) AS edit"  # noqa: S608  (no input)
        with connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO {RecordWord._meta.db_table} (word, record_id) {rows}")


def as_it_is(name: str) -> str:
    return name


def _name(words: Sequence[Word], fold: Fold) -> str:
    return " || ' ' || ".join(word(fold) for word in words)


def _text(number: str) -> str:
    return f"CAST({number} AS text)"


def _fields(edits: int) -> None:
    records, columns = SyncRecord._meta.db_table, ", ".join(f"('{name}')" for name in COLUMNS)
    insert(
        SyncField,
        f"WITH changed(name) AS (VALUES {columns}) SELECT {{columns}} FROM {records} AS r, changed",  # noqa: S608  (no input)
        record_id="r.id",
        column_name=_COLUMN,
        change_kind=_KIND,
        original_value="'Buyer ' || r.version",
        proposed_value="'Head of Procurement ' || r.version",
        version="r.version",
        generation="1",
        decision="CASE WHEN r.waiting_count > 0 THEN 'pending' ELSE 'approved' END",
        delivery="CASE WHEN r.waiting_count > 0 THEN 'none' WHEN r.attention_count > 0 THEN 'failed' "
        "WHEN r.writing_count > 0 THEN 'waiting' ELSE 'done' END",
    )


def insert(model: Any, select: str, **made: str) -> None:
    """Run `INSERT ... SELECT` with the named columns as SQL, a new key, and the model's defaults for the rest."""
    fields: list[Field[Any, Any]] = list(model._meta.concrete_fields)
    made = {"id": own("id"), **made}
    defaults = [each.get_db_prep_save(each.get_default(), connection) for each in fields if each.attname not in made]
    expressions = ", ".join(made.get(each.attname, f"CAST(%s AS {_type(each)})") for each in fields)
    names = ", ".join(connection.ops.quote_name(str(each.column)) for each in fields)
    statement = f"INSERT INTO {model._meta.db_table} ({names}) {select.format(columns=expressions)}"
    with connection.cursor() as cursor:
        cursor.execute(statement.replace("%", "%%").replace("%%s", "%s"), defaults)


def _picked(words: Sequence[str], number: str, fold: Fold) -> str:
    cases = " ".join(f"WHEN {place} THEN '{fold(word)}'" for place, word in enumerate(words))
    return f"CASE ({number}) % {len(words)} {cases} END"


def own(expression: str) -> str:
    """Return this database's SQL for a new `id`, or for the `time` or `editor` of edit number n."""
    return _BY_VENDOR[connection.vendor][expression]


def _type(field: Field[Any, Any]) -> str:
    return str(field.db_type(connection))
