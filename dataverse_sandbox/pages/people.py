"""/people/: the people who can sign in, and every user of the CRM with mailbox, roles and synchronization filters."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup
from werkzeug.wrappers import Request, Response

from dataverse_sandbox import actions, config
from dataverse_sandbox.catalog import BY_NAME, MAILBOX
from dataverse_sandbox.catalog.filters import OUTLOOK_FILTERS
from dataverse_sandbox.control import Route
from dataverse_sandbox.pages.html import page, time_of
from dataverse_sandbox.pages.outlook import beginning
from dataverse_sandbox.store import Store

_SHOWN = 50
_FOUND = """
SELECT u.systemuserid AS id, u.fullname AS name, u.isdisabled AS disabled, m.actdeliverymethod AS method,
count(q.userqueryid) AS filters, count(CASE WHEN q.statecode = 0 THEN 1 END) AS is_on
FROM systemuser u LEFT JOIN mailbox m ON m.mailboxid = u.defaultmailbox
LEFT JOIN userquery q ON q.ownerid = u.systemuserid AND q.querytype = :kind
WHERE u.applicationid IS NULL AND (u.fullname LIKE :text ESCAPE '\\' OR u.lastname LIKE :text ESCAPE '\\')
GROUP BY u.systemuserid ORDER BY u.fullname, u.systemuserid LIMIT :most
"""
_FILTERS = """
SELECT q.name, q.returnedtypecode, q.statecode, q.modifiedon, u.fullname FROM userquery q
LEFT JOIN systemuser u ON u.systemuserid = q.modifiedby
WHERE q.ownerid = ? AND q.querytype = ? ORDER BY q.returnedtypecode, q.name
"""
_ROLES = """
SELECT r.name FROM systemuserroles s JOIN role r ON r.roleid = s.roleid WHERE s.systemuserid = ? ORDER BY r.name
"""
_MAILBOX = """
SELECT m.actdeliverymethod, m.emailaddress, u.isdisabled FROM systemuser u
LEFT JOIN mailbox m ON m.mailboxid = u.defaultmailbox WHERE u.systemuserid = ?
"""
_INTRO = Markup(
    "<p>All people are fictitious. Seven can sign in to the portal: choose one on its sign-in page, no "
    "password needed.</p>"
)
_SIGNS_IN = Markup('<tr><td><a href="/people/{}">{}</a></td><td>{}</td><td>{}</td></tr>')
_TABLE = Markup(
    "<div class='scroll'><table class='cards'><thead>"
    "<tr><th>Name</th><th>Role in the portal</th><th>Address</th></tr></thead>"
    "<tbody>{}</tbody></table></div>"
)
_SEARCH = Markup(
    '<h2 id="users">Users of the CRM</h2><form class="line" method="get" action="/people/#users">'
    '<label>Name begins with<input name="q" type="search" value="{}"></label><button>Search</button></form>'
)
_USER = Markup('<tr><td><a href="/people/{id}">{name}</a></td><td>{state}</td><td>{method}</td><td>{filters}</td></tr>')
_USERS = Markup(
    "<div class='scroll'><table class='cards'><thead>"
    "<tr><th>Name</th><th>State</th><th>Synchronizes by</th><th>Filters</th></tr>"
    "</thead><tbody>{}</tbody></table></div>"
)
_ABOUT = Markup(
    '<p class="muted"><a href="/people/">All people</a></p><dl class="lines"><dt>State</dt><dd>{state}</dd>'
    "<dt>Address</dt><dd>{address}</dd><dt>Synchronizes by</dt><dd>{method}</dd><dt>Security roles</dt><dd>{roles}</dd>"
    '</dl><p><a href="/outlook/?user={id}">Edit a contact in Outlook as {name}</a> · '
    '<a href="/ledger/?who={id}">Writes of {name}</a></p>'
)
_FILTER = Markup("<tr><td>{table}</td><td>{name}</td><td>{state}</td><td>{at} UTC, {who}</td></tr>")
_OWN = Markup(
    "<h2>Synchronization filters</h2><div class='scroll'><table class='cards'><thead>"
    "<tr><th>Table</th><th>Name"
    "</th><th>State</th><th>Last changed</th></tr></thead><tbody>{}</tbody></table></div>"
)
_NO_FILTERS = Markup(
    "<h2>Synchronization filters</h2><p>None. Filters appear when this user sets up synchronization in Outlook.</p>"
)


class PeoplePage:
    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        return [("/people/", "GET", self.all), ("/people/<user_id>", "GET", self.one)]

    def all(self, request: Request) -> Response:
        text = request.args.get("q", "").strip()
        signs_in = Markup("").join(
            _SIGNS_IN.format(person.user_id, person.name, person.about, person.address) for person in config.PEOPLE
        )
        body = _INTRO + _TABLE.format(signs_in) + _SEARCH.format(text) + self._users(text)
        return page("People", body, below="/people/")

    def _users(self, text: str) -> Markup:
        wanted = {"kind": OUTLOOK_FILTERS, "text": beginning(text), "most": _SHOWN + 1}
        with self._store.read() as connection:
            found = connection.execute(_FOUND, wanted).fetchall()
        if not found:
            return Markup("<p>No user’s name begins with “{}”.</p>").format(text)
        more = Markup(
            "<p class='muted'>Only the first {} are listed. Enter the beginning of a name to find others.</p>"
        ).format(_SHOWN)
        rows = Markup("").join(_user(dict(row)) for row in found[:_SHOWN])
        return _USERS.format(rows) + (more if len(found) > _SHOWN else Markup(""))

    def one(self, _request: Request, user_id: str) -> Response:
        """Show one user. Raises ApiError 404 for an unknown one."""
        user = actions.user(self._store, user_id)
        with self._store.read() as connection:
            method, address, is_disabled = connection.execute(_MAILBOX, (user.id,)).fetchone()
            roles = [str(row[0]) for row in connection.execute(_ROLES, (user.id,))]
            filters = connection.execute(_FILTERS, (user.id, OUTLOOK_FILTERS)).fetchall()
        about = _ABOUT.format(
            id=user.id,
            name=user.name,
            state=_state(is_disabled),
            address=address or "no mailbox",
            method=_method(method),
            roles=", ".join(roles) or "none: may not do anything",
        )
        rows = Markup("").join(_filter(*row) for row in filters)
        return page(user.name, about + (_OWN.format(rows) if filters else _NO_FILTERS), below="/people/")


def _user(row: Mapping[str, object]) -> Markup:
    filter_words = f"{row['is_on']} of {row['filters']} on" if row["filters"] else "never set up"
    return _USER.format(
        id=row["id"],
        name=row["name"],
        state=_state(row["disabled"]),
        method=_method(row["method"]),
        filters=filter_words,
    )


def _filter(name: str, table: str, state: int, at: object, who: str | None) -> Markup:
    label = BY_NAME[table].plural_label if table in BY_NAME else table
    return _FILTER.format(table=label, name=name, state="Off" if state else "On", at=time_of(at), who=who or "nobody")


def _state(is_disabled: object) -> str:
    return "Disabled" if is_disabled else "Enabled"


def _method(value: object) -> str:
    column = MAILBOX.by_name["actdeliverymethod"]
    return "no mailbox" if value is None else str(column.label_of(int(str(value))))
