"""Checks at the start of web processes, workers and the scheduler. Django itself runs them for management commands."""

from __future__ import annotations

import sys
import time

from django.core.checks import ERROR, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connections

POLL_SECONDS, REPEAT_MESSAGE_SECONDS = 2.0, 60.0


def require_valid_configuration() -> None:
    """Run the system checks. Raises ImproperlyConfigured with the messages of all errors."""
    if found := [str(message) for message in run_checks() if message.level >= ERROR]:
        raise ImproperlyConfigured("\n".join(found))


def wait_for_migrations() -> None:
    """Wait until the database has all migrations of this version, and print which are missing.

    Exiting instead would only make the host restart the process repeatedly during an upgrade. Does not wait for a
    database that does not answer, because each task handles that itself.
    """
    from syncapp.checks.installation import missing_migrations  # the models are loaded by now

    printed_at = None
    try:
        while missing := missing_migrations():
            connections.close_all()
            if printed_at is None or time.monotonic() - printed_at >= REPEAT_MESSAGE_SECONDS:
                printed_at = time.monotonic()
                _print(
                    f"Waiting for “manage.py migrate”: the database lacks {missing[0]} (the first of {len(missing)})."
                )
            time.sleep(POLL_SECONDS)
        if printed_at is not None:
            _print("The database now has all migrations.")
    except Error as error:
        _print(f"The database’s migrations cannot be read: {error}".rstrip())
    finally:
        connections.close_all()  # the pool's processes must not share these connections


def _print(message: str) -> None:
    # Celery has not set up its log yet, or has redirected standard error.
    (sys.__stderr__ or sys.stderr).write(f"{message}\n")
