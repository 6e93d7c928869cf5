"""The system checks at the start of processes that serve or work; management commands run them by themselves."""

from __future__ import annotations

import sys
import time

from django.core.checks import ERROR, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connections

LOOK_AGAIN, SAY_AGAIN = 2.0, 60.0  # seconds


def require_valid_configuration() -> None:
    """Raise ImproperlyConfigured, with the words of every check that finds an error."""
    if found := [str(message) for message in run_checks() if message.level >= ERROR]:
        raise ImproperlyConfigured("\n".join(found))


def wait_for_migrations() -> None:
    """Return when the database has all migrations of this version; until then say what is missing.

    Ending instead would only make the host start the process again and again while an upgrade is under way. A
    database that cannot be asked is not waited for: each task finds it away, or back, by itself.
    """
    from syncapp.checks.installation import missing_migrations  # the models are loaded by now

    said_at = None
    try:
        while missing := missing_migrations():
            connections.close_all()
            if said_at is None or time.monotonic() - said_at >= SAY_AGAIN:
                said_at = time.monotonic()
                _say(f"Waiting for “manage.py migrate”: the database lacks {missing[0]} (the first of {len(missing)}).")
            time.sleep(LOOK_AGAIN)
        if said_at is not None:
            _say("The database has all migrations now.")
    except Error as error:
        _say(f"The database cannot be asked for its migrations: {error}".rstrip())
    finally:
        connections.close_all()  # no connection is shared with the pool's processes


def _say(words: str) -> None:
    # Celery has not set its log up yet, or takes standard error for its own.
    (sys.__stderr__ or sys.stderr).write(f"{words}\n")
