"""Reading the ledger that the triggers write (`schema`)."""

from __future__ import annotations

import json

from syncapp.sandbox.store import Store

Entry = dict[str, object]


def entries(store: Store, *, since: int = 0, newest: int | None = None) -> list[Entry]:
    """Committed writes after `since`, oldest first; with `newest`, only that many of the last."""
    order = "ORDER BY seq" if newest is None else f"ORDER BY seq DESC LIMIT {newest}"
    statement = f"SELECT * FROM ledger WHERE seq > ? {order}"  # noqa: S608 - a number of ours
    with store.read() as connection:
        return [_entry(dict(row)) for row in connection.execute(statement, (since,))]


def _entry(row: Entry) -> Entry:
    return {
        "seq": row["seq"],
        "at": row["at"],
        "caller": row["caller"],
        "on_behalf_of": row["on_behalf_of"],
        "method": row["method"],
        "table": row["table_name"],
        "id": row["row_id"],
        "changes": json.loads(str(row["changes"])),
        "transaction": row["transaction_id"],
        "plugin": bool(row["plugin"]),
        "tag": row["tag"],
    }
