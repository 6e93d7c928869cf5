"""The settings of auditing ("Configure auditing"), and the delay after which entries can be read.

Triggers write the entries (`schema`), so no write is missed. An entry keeps the delay that is set when it is written.
With jitter, entries appear out of order.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace

from dataverse_sandbox import config, customization, rows
from dataverse_sandbox.audit_details import INVALID
from dataverse_sandbox.catalog import CONTACT, ORGANIZATION, current
from dataverse_sandbox.store import Author, Row, Store

DELAY = "audit_delay"
SWITCHES = frozenset({"enabled", "delay_seconds", "jitter_seconds", "days_kept", "invalid_new_values"})


def switch(store: Store, given: Mapping[str, object]) -> None:
    """Change the given settings; `enabled` applies to the organization and to contacts. Raises ValueError."""
    unknown = set(given) - SWITCHES
    if unknown:
        raise ValueError(f"unknown keys {sorted(unknown)}; known are {sorted(SWITCHES)}")
    enabled, days, invalid = given.get("enabled"), given.get("days_kept"), given.get("invalid_new_values")
    if not isinstance(enabled, bool | None):
        raise ValueError("enabled must be true or false")
    if days is not None and (isinstance(days, bool) or not isinstance(days, int) or not (days == -1 or days > 0)):
        raise ValueError("days_kept must be a number of days, or -1 to keep entries forever")
    if invalid is not None and not (isinstance(invalid, list) and all(isinstance(name, str) for name in invalid)):
        raise ValueError("invalid_new_values must be a list of columns")
    delay = {name: _seconds(given, name) for name in ("delay_seconds", "jitter_seconds") if name in given}
    if delay:
        store.set_setting(DELAY, json.dumps({**_delay(store), **delay}))
    if invalid is not None:
        store.set_setting(INVALID, json.dumps(invalid))
    _change_definitions(store, enabled=enabled, days=days)


def _seconds(given: Mapping[str, object], name: str) -> float:
    value = given[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ValueError(f"{name} must be a number of seconds")
    return value


def _delay(store: Store) -> dict[str, float]:
    return dict(json.loads(store.setting(DELAY) or "{}"))


def _change_definitions(store: Store, *, enabled: bool | None, days: int | None) -> None:
    changes: Row = {"isauditenabled": int(enabled)} if enabled is not None else {}
    changes |= {"auditretentionperiodv2": days} if days is not None else {}
    with store.write(Author(config.APPLICATION_USER_ID)) as transaction:
        if changes:
            organization = rows.existing(transaction.connection, ORGANIZATION, config.ORGANIZATION_ID)
            rows.update(transaction, ORGANIZATION, organization, changes)
        contact = current().by_name[CONTACT.name]
        if enabled is not None and contact.audited is not enabled:
            customization.put(transaction, replace(contact, audited=enabled))


def state(store: Store) -> dict[str, object]:
    """Return the settings, the number of entries, and the number of those that cannot be read yet."""
    delay = _delay(store)
    with store.read() as connection:
        is_on, days = connection.execute("SELECT isauditenabled, auditretentionperiodv2 FROM organization").fetchone()
        written = connection.execute("SELECT count(*) FROM audit").fetchone()[0]
        waiting = "SELECT count(*) FROM audit_detail WHERE visible_at > ?"
        return {
            "enabled": bool(is_on) and current().by_name[CONTACT.name].audited,
            "organization": bool(is_on),
            "tables": [table.name for table in current().tables if table.audited],
            "days_kept": days,
            "delay_seconds": delay.get("delay_seconds", 0),
            "jitter_seconds": delay.get("jitter_seconds", 0),
            "invalid_new_values": json.loads(store.setting(INVALID) or "[]"),
            "entries": written,
            "waiting": connection.execute(waiting, (time.time(),)).fetchone()[0],
        }


def delete_before(store: Store, moment: str) -> int:
    """Delete the entries before a time, as an administrator can; return their number."""
    deleted = store.execute("DELETE FROM audit WHERE createdon < ?", (moment,))
    store.execute("DELETE FROM audit_detail WHERE auditid NOT IN (SELECT auditid FROM audit)")
    return deleted
