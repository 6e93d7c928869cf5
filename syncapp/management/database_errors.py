"""Conversion of the database's conflict errors to command errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import OperationalError

from syncapp.models.locking import is_conflict


@contextmanager
def as_command_errors() -> Iterator[None]:
    """Raise CommandError in place of a deadlock, a failed serialization or a busy database."""
    try:
        yield
    except OperationalError as error:
        if not is_conflict(error):
            raise
        raise CommandError(
            "The database stopped this because another process was writing the same rows. "
            "What was stored before is kept; run the command again."
        ) from error
