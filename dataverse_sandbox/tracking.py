"""Change tracking ("Use change tracking to synchronize data with external systems"): full reads, deltas, deletions.

A delta token is the version up to which a read is complete: the newest version in the snapshot of the read's first
page. Versions are assigned in the order of commits, so any later change, even between two pages, has a
larger one and is in the next delta. Tokens expire when they are older than the organization allows, when a
control request expires them, or when the data are reset (`epoch`).
"""

from __future__ import annotations

import datetime
import sqlite3
from dataclasses import dataclass

from dataverse_sandbox import errors, paging, reading, skiptoken
from dataverse_sandbox.catalog import Table
from dataverse_sandbox.errors import ApiError
from dataverse_sandbox.messages import Request
from dataverse_sandbox.reading import Shape

_OPTIONS = frozenset({"$select", "$skiptoken", "$deltatoken", "tag"})
_REFUSED = ("$filter", "$orderby", "$expand", "$top")
_STAMP = "%m/%d/%Y %H:%M:%S"


@dataclass(frozen=True)
class Token:
    """A delta token: `version` is the last version read; the rest decides whether the token is still valid."""

    version: int
    issued: datetime.datetime
    epoch: int

    def __str__(self) -> str:
        return f"{self.version}!{self.issued.strftime(_STAMP)}!{self.epoch}"


def is_tracking(request: Request) -> bool:
    if "odata.track-changes" in request.preferences or "$deltatoken" in request.options:
        return True
    return "istracking%3D%22True%22" in request.options.get("$skiptoken", "")


def read(connection: sqlite3.Connection, table: Table, request: Request) -> dict[str, object]:
    """Return one page of a full read or of a delta."""
    _check(table, request)
    token, since, cursor = _position(connection, request)
    shape = Shape(table, reading.selected(table, request.options.get("$select")), request.annotations)
    size = skiptoken.page_size(request)
    pages = _Pages(connection, shape, request, since=since, upto=token.version)
    items, last = pages.changes(cursor, size) if since is not None else pages.everything(cursor, size)
    suffix = "/$delta" if since is not None else ""
    body: dict[str, object] = {
        "@odata.context": paging.context(request, table.set_name, request.options.get("$select"), suffix),
        **paging.version(request),
        "value": items,
    }
    if last is None:
        body["@odata.deltaLink"] = paging.link(request, table.set_name, "$deltatoken", str(token))
    else:
        cookie = skiptoken.write_cookie(2, [str(token), since, *last], tracking=True)
        body["@odata.nextLink"] = paging.link(request, table.set_name, "$skiptoken", cookie)
    return body


def count(connection: sqlite3.Connection, table: Table, request: Request) -> int:
    """Count the changes in a delta: rows and deletions."""
    _check(table, request)
    held = _valid(connection, request.options["$deltatoken"], _newest(connection))
    changed = f"SELECT count(*) FROM {table.name} WHERE versionnumber > ?"  # noqa: S608 - catalog
    number = int(connection.execute(changed, (held.version,)).fetchone()[0])
    statement = f"SELECT count(*) FROM ({_tombstones(table)} GROUP BY row_id)"  # noqa: S608 - as above
    newest = _newest(connection).version
    return number + int(connection.execute(statement, (table.name, held.version, newest)).fetchone()[0])


def _tombstones(table: Table) -> str:
    """Return the tombstones between two versions, of rows that were not recreated."""
    return (
        "SELECT row_id, max(version) AS version FROM tombstone "  # noqa: S608 - names of the catalog
        "WHERE table_name = ? AND version > ? AND version <= ? "
        f"AND NOT EXISTS (SELECT 1 FROM {table.name} WHERE {table.key.name} = row_id) "
    )


def _check(table: Table, request: Request) -> None:
    if not table.change_tracking:
        raise ApiError(400, "0x80060890", f"Change tracking is not enabled for '{table.name}'.")
    for name in _REFUSED:
        if name in request.options:
            message = f'The "{name}" query parameter isn\'t supported when Change Tracking is enabled.'
            raise errors.bad_query(message)
    paging.check_options(request, _OPTIONS)


def _position(connection: sqlite3.Connection, request: Request) -> tuple[Token, int | None, list[object] | None]:
    """Return the token at this read's end, the version it starts from (None: all rows), and the page's cursor."""
    newest = _newest(connection)
    if "$skiptoken" in request.options:
        _number, found = skiptoken.read_cookie(request.options["$skiptoken"])
        token = _valid(connection, str(found[0]), newest)
        return token, None if found[1] is None else int(str(found[1])), found[2:]
    if "$deltatoken" in request.options:
        held = _valid(connection, request.options["$deltatoken"], newest)
        return newest, held.version, None
    return newest, None, None


def _newest(connection: sqlite3.Connection) -> Token:
    """Return the token of the current version."""
    version, epoch = connection.execute("SELECT version, epoch FROM context").fetchone()
    return Token(version, datetime.datetime.now(datetime.UTC), epoch)


def _valid(connection: sqlite3.Connection, text: str, newest: Token) -> Token:
    version, _, rest = text.partition("!")
    stamp, _, epoch = rest.rpartition("!")
    try:
        issued = datetime.datetime.strptime(stamp, _STAMP).replace(tzinfo=datetime.UTC)
        token = Token(int(version), issued, int(epoch))
    except ValueError:
        raise errors.bad_query("The delta token is malformed.") from None
    days = connection.execute("SELECT min(expirechangetrackingindays) FROM organization").fetchone()[0]
    too_old = token.issued < newest.issued - datetime.timedelta(days=days or 7)
    if token.epoch != newest.epoch or too_old:
        message = "Version stamp associated with the client has expired. Please perform a full sync."
        raise ApiError(400, errors.VERSION_STAMP_EXPIRED, message)
    return token


Cursor = list[object] | None
Page = tuple[list[dict[str, object]], Cursor]


@dataclass(frozen=True)
class _Pages:
    connection: sqlite3.Connection
    shape: Shape
    request: Request
    since: int | None
    upto: int

    def everything(self, cursor: Cursor, size: int) -> Page:
        """Return all rows by key, including rows written since the first page, which the next delta repeats."""
        table = self.shape.table
        key = table.key.name
        found = self.connection.execute(
            f"SELECT {self.shape.sql_columns} FROM {table.name} WHERE {key} > ? ORDER BY {key} LIMIT ?",  # noqa: S608 - catalog
            (cursor[0] if cursor else "", size + 1),
        ).fetchall()
        items = [self.shape.render(row) for row in found[:size]]
        return items, [found[size - 1][key]] if len(found) > size else None

    def changes(self, cursor: Cursor, size: int) -> Page:
        """Return changed rows in the order of their versions, then deletions."""
        phase, after = (str(cursor[0]), int(str(cursor[1]))) if cursor else ("rows", self.since or 0)
        items: list[dict[str, object]] = []
        if phase == "rows":
            found = self._changed(after, size + 1)
            items = [self.shape.render(row) for row in found[:size]]
            if len(found) > size:
                return items, ["rows", found[size - 1]["versionnumber"]]
            after = self.since or 0
        deleted = self._deleted(after, size - len(items) + 1)
        room = size - len(items)
        items += [self._deletion(row["row_id"]) for row in deleted[:room]]
        if len(deleted) > room:
            return items, ["gone", deleted[room - 1]["version"] if room else after]
        return items, None

    def _changed(self, after: int, limit: int) -> list[sqlite3.Row]:
        return self.connection.execute(
            f"SELECT {self.shape.sql_columns} FROM {self.shape.table.name} "  # noqa: S608 - names of the catalog
            "WHERE versionnumber > ? AND versionnumber <= ? ORDER BY versionnumber LIMIT ?",
            (after, self.upto, limit),
        ).fetchall()

    def _deleted(self, after: int, limit: int) -> list[sqlite3.Row]:
        table = self.shape.table
        statement = _tombstones(table) + "GROUP BY row_id ORDER BY version LIMIT ?"
        return self.connection.execute(statement, (table.name, after, self.upto, limit)).fetchall()

    def _deletion(self, row_id: str) -> dict[str, object]:
        kind = f"{self.request.base_url}$metadata#{self.shape.table.set_name}/$deletedEntity"
        return {"@odata.context": kind, "id": row_id, "reason": "deleted"}
