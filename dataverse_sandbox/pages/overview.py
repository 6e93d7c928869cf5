"""/sandbox/: a description of this process, its contents and its current faults."""

from __future__ import annotations

from markupsafe import Markup
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from dataverse_sandbox import config, plugin
from dataverse_sandbox.catalog import BY_NAME, SYNC_RECORD
from dataverse_sandbox.catalog.filters import OUTLOOK_FILTERS
from dataverse_sandbox.control import Route
from dataverse_sandbox.faults import Faults
from dataverse_sandbox.pages.faults import in_words
from dataverse_sandbox.pages.html import STYLE_PATH, page, style
from dataverse_sandbox.store import Store

_COUNTS = """
SELECT returnedtypecode, sum(statecode = 0), sum(statecode = 1) FROM userquery WHERE querytype = ?
GROUP BY returnedtypecode ORDER BY returnedtypecode
"""
_INTRO = Markup(
    "<p>This process simulates Microsoft’s cloud, so that you can try and test the portal without it. It holds no real "
    "data: people, contacts and edits are fictitious, and nothing leaves this machine.</p>"
)
_PARTS = (
    ("Outlook", "/outlook/", "Change a contact as a colleague. The company’s plug-in stages your changes."),
    ("Writers", "/writers/", "Change a contact as ERP, flow, import or form. Sign Outlook’s changes, or do not."),
    ("Mails", "/mail/", "The portal’s mails, as their readers see them."),
    ("People", "/people/", "The people who can sign in, and every user with mailbox and synchronization filters."),
    ("Ledger", "/ledger/", "Every committed write, with its user and the old and new values."),
    ("Auditing", "/auditing/", "The CRM’s own log of changes, which the portal can read. Switch it on or off."),
    ("Faults", "/faults/", "Make the CRM slow, busy or unreachable, and watch how the portal copes."),
)
_PART = Markup('<li><a href="{path}"><strong>{name}</strong><span>{words}</span></a></li>')
_HELD = (
    ("people", "SELECT count(*) FROM systemuser WHERE applicationid IS NULL"),
    ("contacts", "SELECT count(*) FROM contact"),
    ("edits awaiting review", "SELECT count(*) FROM osync_syncrecord WHERE statecode = 0"),
    ("writes since the last reset", "SELECT count(*) FROM ledger"),
)
_COUNT = Markup("<li><strong>{:,}</strong>{}</li>")
_FILTER = Markup("<tr><td>{}</td><td class='number'>{:,}</td><td class='number'>{:,}</td></tr>")
_NOW = Markup(
    "<h2>Status</h2><ul><li>The plug-in is {plugin}.</li>{faults}</ul>"
    "<h2>For programs</h2><p>Dataverse’s Web API is below <code>/api/data/v9.2/</code>, sign-in below "
    "<code>/{tenant}/</code>. The ledger, faults and mails are also available as JSON: <code>/sandbox/ledger</code>, "
    "<code>/sandbox/faults</code>, <code>/mail/?format=json</code>.</p>"
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
        parts = Markup("").join(_PART.format(name=name, path=path, words=words) for name, path, words in _PARTS)
        listed = Markup("<ul class='parts'>{}</ul>").format(parts)
        body = _INTRO + self._counts() + listed + self._filters() + self._now()
        return page("A stand-in for Microsoft’s cloud", body, below="/sandbox/")

    def _counts(self) -> Markup:
        with self._store.read() as connection:
            held = [pair for pair in _HELD if SYNC_RECORD.name in BY_NAME or SYNC_RECORD.name not in pair[1]]
            found = [(connection.execute(statement).fetchone()[0], label) for label, statement in held]
        items = Markup("").join(_COUNT.format(number, label) for number, label in found)
        return Markup("<ul class='counts'>{}</ul>").format(items)

    def _filters(self) -> Markup:
        """Show the numbers of active and inactive filters, per table."""
        with self._store.read() as connection:
            found = connection.execute(_COUNTS, (OUTLOOK_FILTERS,)).fetchall()
        rows = Markup("").join(_FILTER.format(BY_NAME[table].plural_label, on, off) for table, on, off in found)
        return Markup(
            "<h2>Synchronization filters of all users</h2><div class='scroll figures'><table><thead><tr><th>Table</th>"
            "<th class='number'>On</th><th class='number'>Off</th></tr></thead><tbody>{}</tbody></table></div>"
        ).format(rows)

    def _now(self) -> Markup:
        with self._store.read() as connection:
            is_on, has_tables = plugin.is_enabled(connection), plugin.has_tables()
        word = "on: an edit from Outlook is staged and put back" if is_on else "off"
        if not has_tables:
            word = "idle: this environment has no staging tables"
        fault_lines = Markup("").join(Markup("<li>{}</li>").format(line) for line in in_words(self._faults.state()))
        return _NOW.format(plugin=word, faults=fault_lines, tenant=config.TENANT)
