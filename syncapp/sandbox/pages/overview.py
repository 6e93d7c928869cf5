"""/sandbox/: the people, what was written lately, faults and plug-in, to be read by a person."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from markupsafe import Markup
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from syncapp.sandbox import config, ledger, plugin
from syncapp.sandbox.catalogue.filters import OUTLOOK_FILTERS
from syncapp.sandbox.control import Route
from syncapp.sandbox.faults import Faults
from syncapp.sandbox.pages.html import STYLE_PATH, page, style
from syncapp.sandbox.store import Store

_SHOWN = 100
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Every new row has them; the JSON shows them.
_UNTOLD = frozenset({"ownerid", "statuscode"})
_COUNTS = """
SELECT returnedtypecode, sum(statecode = 0), sum(statecode = 1) FROM userquery WHERE querytype = ?
GROUP BY returnedtypecode ORDER BY returnedtypecode
"""
_INTRO = Markup(
    "<p>This process stands in for Microsoft’s cloud: Dataverse below <code>/api/data/v9.2/</code>, sign-in, "
    '<a href="/outlook/">Outlook</a> with the company’s plug-in, and the <a href="/mail/">mailboxes</a>.</p>'
)
_HELD = (
    ("people", "SELECT count(*) FROM systemuser WHERE applicationid IS NULL"),
    ("contacts", "SELECT count(*) FROM contact"),
    ("edits awaiting review", "SELECT count(*) FROM osync_syncrecord WHERE statecode = 0"),
    ("writes since the last reset", "SELECT count(*) FROM ledger"),
)
_COUNT = Markup("<li><strong>{:,}</strong>{}</li>")
_PERSON = Markup("<tr><td>{}</td><td>{}</td><td>{}</td></tr>")
_FILTER = Markup("<tr><td>{}</td><td class='number'>{:,}</td><td class='number'>{:,}</td></tr>")
_NO_FAULTS = Markup(
    "<p>None: every request is answered at once and as it should be. Tests set them by "
    "<code>PUT /sandbox/faults</code>.</p>"
)
_ENTRY = Markup(
    "<tr><td>{seq}</td><td>{at}</td><td>{transaction}</td><td>{who}</td><td>{method}</td><td>{table}</td>"
    "<td>{changes}</td></tr>"
)


class OverviewPage:
    def __init__(self, store: Store, faults: Faults) -> None:
        self._store, self._faults = store, faults

    def routes(self) -> list[Route]:
        return [
            ("/", "GET", lambda _request: redirect("/sandbox/")),
            ("/sandbox/", "GET", self.overview),
            (STYLE_PATH, "GET", lambda _request: style()),
        ]

    def overview(self, _request: Request) -> Response:
        body = (
            _INTRO
            + self._counts()
            + _people()
            + self._filters()
            + self._plugin()
            + self._faults_part()
            + self._ledger()
        )
        return page("What the sandbox holds", body)

    def _counts(self) -> Markup:
        with self._store.read() as connection:
            found = [(connection.execute(statement).fetchone()[0], label) for label, statement in _HELD]
        items = Markup("").join(_COUNT.format(number, label) for number, label in found)
        return Markup("<ul class='counts'>{}</ul>").format(items)

    def _filters(self) -> Markup:
        """How many people's filters of each table are on and off."""
        with self._store.read() as connection:
            found = connection.execute(_COUNTS, (OUTLOOK_FILTERS,)).fetchall()
        rows = Markup("").join(_FILTER.format(*row) for row in found)
        return Markup(
            "<h2 id='filters'>Synchronization filters</h2><div class='scroll figures'><table><thead><tr><th>Table</th>"
            "<th class='number'>On</th><th class='number'>Off</th></tr></thead><tbody>{}</tbody></table></div>"
        ).format(rows)

    def _plugin(self) -> Markup:
        with self._store.read() as connection:
            word = "on: an edit from Outlook is staged and put back" if plugin.is_enabled(connection) else "off"
        return Markup("<h2>Plug-in</h2><p>The plug-in is {}.</p>").format(word)

    def _faults_part(self) -> Markup:
        head = Markup("<h2 id='faults'>Faults and limits</h2>")
        state = self._faults.state()
        if state == Faults().state():
            return head + _NO_FAULTS
        return head + Markup("<pre>{}</pre>").format(json.dumps(state, indent=1))

    def _ledger(self) -> Markup:
        found = ledger.entries(self._store, newest=_SHOWN)
        if not found:
            return Markup("<h2 id='ledger'>Ledger</h2><p>Nothing has been written since the last reset.</p>")
        names = self._names()
        rows = Markup("").join(_entry(entry, names) for entry in found)
        return Markup(
            "<h2 id='ledger'>Ledger, newest first</h2><p class='muted'>The last {} writes; all of them as JSON: "
            "<a href='/sandbox/ledger'>/sandbox/ledger</a>.</p><div class='scroll' tabindex='0' role='region' "
            "aria-label='Ledger'><table class='ledger'><thead><tr><th>No.</th><th>At</th>"
            "<th>Transaction</th><th>Who</th>"
            "<th>Did</th><th>Table</th><th>Changes</th></tr></thead><tbody>{}</tbody></table></div>"
        ).format(len(found), rows)

    def _names(self) -> dict[str, str]:
        with self._store.read() as connection:
            return dict(connection.execute("SELECT systemuserid, fullname FROM systemuser").fetchall())


def _people() -> Markup:
    rows = Markup("").join(_PERSON.format(person.name, person.about, person.address) for person in config.PEOPLE)
    return Markup(
        "<h2 id='people'>People who can sign in</h2><div class='scroll'><table><thead><tr><th>Name</th>"
        "<th>Role in the portal</th><th>Address</th></tr></thead><tbody>{}</tbody></table></div>"
    ).format(rows)


def _entry(entry: Mapping[str, object], names: Mapping[str, str]) -> Markup:
    who = names.get(str(entry["caller"]), str(entry["caller"]))
    if entry["on_behalf_of"]:
        target = str(entry["on_behalf_of"])
        who = f"{who}, for {names.get(target, target)}"
    changes = entry["changes"]
    pairs = changes.items() if isinstance(changes, dict) else ()
    return _ENTRY.format(
        seq=entry["seq"],
        at=str(entry["at"])[:19].replace("T", " "),
        transaction=entry["transaction"],
        who=f"{who} (plug-in)" if entry["plugin"] else who,
        method=entry["method"],
        table=entry["table"],
        changes="; ".join(_change(name, old, new) for name, (old, new) in pairs if name not in _UNTOLD),
    )


def _change(name: str, old: object, new: object) -> str:
    """What came of a column; for a row that is new or gone, only what it holds or held."""
    if old is None or new is None:
        return f"{name}: {_short(new)}" if old is None else f"{name}: {_short(old)} → empty"
    return f"{name}: {_short(old)} → {_short(new)}"


def _short(value: object) -> str:
    text = _ID.sub(lambda found: f"{found[0][:8]}…", "empty" if value is None else str(value))
    return text if len(text) <= 60 else f"{text[:59]}…"
