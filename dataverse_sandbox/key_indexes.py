"""The index behind an alternate key, which the CRM creates in the background ("Define alternate keys").

`PUT /sandbox/keys {"seconds": 30}` makes the indexes of later keys active after that time, `{"fails": true}` never.
"""

from __future__ import annotations

import math
import sqlite3
import time

from dataverse_sandbox.catalog import AlternateKey
from dataverse_sandbox.store import Store

SETTING = "key_seconds"


def set_delay(store: Store, seconds: float) -> None:
    """Set the delay of keys created from now on; infinite for an index that fails."""
    store.set_setting(SETTING, str(seconds))


def active_from(connection: sqlite3.Connection) -> float:
    """Return the time at which the index of a key that is created now becomes active."""
    found = connection.execute("SELECT value FROM setting WHERE name = ?", (SETTING,)).fetchone()
    return time.time() + float(found[0]) if found and float(found[0]) else 0.0


def status(key: AlternateKey) -> str:
    """Return the member of EntityKeyIndexStatus."""
    if key.active_from <= time.time():
        return "Active"
    return "Failed" if math.isinf(key.active_from) else "InProgress"
