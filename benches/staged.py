"""What each bench needs around it. The measuring itself runs in a child process, see `child`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benches import stage

EDITS = 65_000  # about 100,000 fields
CONTACTS = EDITS + 1_000  # nearly every edit has a contact of its own: superseding is not what is measured


def mirror() -> None:
    """Both databases, one sandbox."""
    with stage.sandbox(contacts=CONTACTS, pending=EDITS) as crm:
        for kind in stage.DATABASES:
            with stage.database(kind) as database:
                stage.measure("mirror", environment={**database, **crm})


def queue() -> None:
    """Both databases; no CRM, no broker."""
    for kind in stage.DATABASES:
        with stage.database(kind) as environment:
            stage.measure("queue", environment=environment)


BENCHES: Mapping[str, Callable[[], None]] = {"mirror": mirror, "queue": queue}
