"""/ledger/: the committed writes for people, grouped by transaction."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup
from werkzeug.wrappers import Request, Response

from dataverse_sandbox.catalog import BY_NAME
from dataverse_sandbox.control import Route
from dataverse_sandbox.pages.html import page, time_of
from dataverse_sandbox.store import Store

_SHOWN = 100
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Every new row has these columns; the JSON shows them.
_UNTOLD = frozenset({"ownerid", "statuscode"})
# Names of rows, by their ids.
_NAMES = """
SELECT contactid, fullname FROM contact WHERE contactid IN (SELECT value FROM json_each(:ids))
UNION ALL SELECT systemuserid, fullname FROM systemuser WHERE systemuserid IN (SELECT value FROM json_each(:ids))
UNION ALL SELECT userqueryid, name FROM userquery WHERE userqueryid IN (SELECT value FROM json_each(:ids))
"""
_PATHS = {"contact": "/outlook/", "systemuser": "/people/"}
_FOUND = """
SELECT * FROM ledger WHERE seq < :before AND (:table = '' OR table_name = :table) AND (:row = '' OR row_id = :row)
AND (:who = '' OR caller = :who OR on_behalf_of = :who) ORDER BY seq DESC LIMIT :most
"""
_INTRO = Markup(
    "<p>Every write committed since the last reset, newest first. The database itself records them, so the list is "
    "complete. As JSON: <a href='/sandbox/ledger'>/sandbox/ledger</a>.</p>"
)
_SEARCH = Markup(
    '<form class="line" method="get"><label>Table<select name="table"><option value="">All tables</option>{tables}'
    "</select></label>{kept}<button>Show</button></form>"
)
_OPTION = Markup('<option value="{}"{}>{}</option>')
_KEPT = Markup('<p>Filter: {what}. <a href="{all}">Show all</a></p>')
_TRANSACTION = Markup(
    '<li><p class="head"><strong>{who}</strong>{marks}<span class="muted">{at} UTC · transaction {number}</span></p>'
    "<ul>{writes}</ul></li>"
)
_WRITE = Markup(
    '<li><span class="verb">{verb}</span> <span>{table} {name}{by}</span><ul class="columns">{changes}</ul></li>'
)
_VERBS = {"POST": "Created", "PATCH": "Changed", "DELETE": "Deleted", "PUT": "Changed"}
_CHANGED = Markup("<li><code>{}</code> {} → {}</li>")
_SAME = Markup("<li class='muted'>without changes</li>")
_HELD = Markup("<li><code>{}</code> {}</li>")
_OLDER = Markup('<p><a href="{}">Older writes</a></p>')


@dataclass(frozen=True)
class Wanted:
    """The writes to show: of one table, row or person, before a number; empty is any."""

    table: str = ""
    row: str = ""
    who: str = ""
    before: int = 2**62

    @classmethod
    def read(cls, sent: Mapping[str, str]) -> Wanted:
        before = sent.get("before", "")
        number = int(before) if before.isascii() and before.isdigit() and len(before) < 18 else 2**62
        return cls(sent.get("table", ""), sent.get("row", "").lower(), sent.get("who", "").lower(), number)

    def older(self, before: int) -> str:
        """Return the address of the next older writes."""
        kept = "".join(f"{name}={value}&" for name, value in vars(self).items() if value and name != "before")
        return f"/ledger/?{kept}before={before}"


class LedgerPage:
    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        return [("/ledger/", "GET", self.ledger)]

    def ledger(self, request: Request) -> Response:
        """List writes; `?table=`, `?row=` and `?who=` (ids) narrow the list."""
        wanted = Wanted.read(request.args)
        found = self._found(wanted)
        page_entries, is_more = found[:_SHOWN], len(found) > _SHOWN
        body = _INTRO + self._search(wanted) + self._active_filters(wanted) + self._transactions(page_entries)
        if is_more:
            body += _OLDER.format(wanted.older(int(str(page_entries[-1]["seq"]))))
        return page("Ledger", body, below="/ledger/")

    def _found(self, wanted: Wanted) -> list[dict[str, object]]:
        with self._store.read() as connection:
            return [dict(row) for row in connection.execute(_FOUND, {**vars(wanted), "most": _SHOWN + 1})]

    def _search(self, wanted: Wanted) -> Markup:
        with self._store.read() as connection:
            known = sorted(str(row[0]) for row in connection.execute("SELECT DISTINCT table_name FROM ledger"))
        options = Markup("").join(
            _OPTION.format(name, Markup(" selected") if name == wanted.table else "", _label(name)) for name in known
        )
        hidden = Markup('<input type="hidden" name="{}" value="{}">')
        kept = Markup("").join(hidden.format(name, value) for name, value in _narrowing(wanted))
        return _SEARCH.format(tables=options, kept=kept)

    def _active_filters(self, wanted: Wanted) -> Markup:
        names = self._names([value for _name, value in _narrowing(wanted)])
        narrowed = [names.get(value, value) for _name, value in _narrowing(wanted)]
        return _KEPT.format(what=" and ".join(narrowed), all="/ledger/") if narrowed else Markup("")

    def _transactions(self, entries: list[dict[str, object]]) -> Markup:
        if not entries:
            return Markup(
                "<p>No writes since the last reset. Edit a contact in Outlook, or decide an edit in the portal.</p>"
            )
        names = self._names([entry[key] for entry in entries for key in ("row_id", "caller", "on_behalf_of")])
        groups = groupby(entries, key=lambda entry: entry["transaction_id"])
        items = Markup("").join(_transaction(list(group)[::-1], names) for _number, group in groups)
        return Markup("<ol class='ledger' reversed>{}</ol>").format(items)

    def _names(self, ids: list[object] | list[str]) -> dict[str, str]:
        """Return the names of rows, by id."""
        with self._store.read() as connection:
            found = connection.execute(_NAMES, {"ids": json.dumps(ids)}).fetchall()
        return {str(row[0]): str(row[1] or "") for row in found}


def _narrowing(wanted: Wanted) -> Iterable[tuple[str, str]]:
    return [(name, value) for name, value in (("row", wanted.row), ("who", wanted.who)) if value]


def _label(table: str) -> str:
    return BY_NAME[table].plural_label if table in BY_NAME else table


def _transaction(entries: list[dict[str, object]], names: Mapping[str, str]) -> Markup:
    """Show the writes of one transaction in order, below its user."""
    first = entries[0]
    return _TRANSACTION.format(
        who=_who(first, names),
        marks=Markup(' <span class="tag">{}</span>').format(first["tag"]) if first["tag"] else "",
        at=time_of(first["at"]),
        number=first["transaction_id"],
        writes=Markup("").join(_write(entry, names) for entry in entries),
    )


def _who(entry: Mapping[str, object], names: Mapping[str, str]) -> str:
    who = names.get(str(entry["caller"]), str(entry["caller"]))
    target = entry["on_behalf_of"]
    return f"{who}, for {names.get(str(target), str(target))}" if target else who


def _write(entry: Mapping[str, object], names: Mapping[str, str]) -> Markup:
    table, row_id = str(entry["table_name"]), str(entry["row_id"])
    changes = json.loads(str(entry["changes"]))
    return _WRITE.format(
        verb=_VERBS.get(str(entry["method"]), str(entry["method"])),
        table=BY_NAME[table].label if table in BY_NAME else table,
        name=_named(table, row_id, names.get(row_id, "")),
        by=Markup(' <span class="tag">plug-in</span>') if entry["plugin"] else "",
        changes=Markup("").join(
            _change(table, name, old, new) for name, (old, new) in changes.items() if name not in _UNTOLD
        )
        or _SAME,
    )


def _named(table: str, row_id: str, name: str) -> Markup:
    path = _PATHS.get(table, "")
    if name and path:
        return Markup('<a href="{}{}">{}</a>').format(path, row_id, name)
    return Markup("“{}”").format(name) if name else Markup('<code title="{}">{}…</code>').format(row_id, row_id[:8])


def _change(table: str, name: str, old: object, new: object) -> Markup:
    """Show old and new value of a column; only the new one if it was empty."""
    before, after = _value_words(table, name, old), _value_words(table, name, new)
    return _HELD.format(name, after) if old is None else _CHANGED.format(name, before, after)


def _value_words(table: str, name: str, value: object) -> str:
    """Show a value, for a choice with its label."""
    column = BY_NAME[table].by_name.get(name) if table in BY_NAME else None
    if column is not None and column.options and isinstance(value, int):
        return f"{column.label_of(value)} ({value})"
    text = _ID.sub(lambda found: f"{found[0][:8]}…", "empty" if value is None else str(value))
    return text if len(text) <= 60 else f"{text[:59]}…"
