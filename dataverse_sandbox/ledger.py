"""Reads of the ledger, which triggers write (`schema`)."""

from __future__ import annotations

import json

from dataverse_sandbox.store import Store

Entry = dict[str, object]


def entries(store: Store, *, since: int = 0) -> list[Entry]:
    """Return committed writes after `since`, oldest first."""
    with store.read() as connection:
        found = connection.execute("SELECT * FROM ledger WHERE seq > ? ORDER BY seq", (since,))
        return [_entry(dict(row)) for row in found]


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
