"""System checks for upgrades: `manage.py check --deploy --database default`.

They are deployment checks, because `migrate` and `collectstatic` run all others first and would refuse to start. The
portal's processes start in spite of them, and wait (portal/startup.py) or are not ready (health/).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DEFAULT_DB_ALIAS
from django.db import Error as DatabaseError

from syncapp.checks import installation

Messages = list[CheckMessage]


@register("osync", Tags.database, deploy=True)
def migrations_are_applied(app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any) -> Messages:
    """Check E028, E029: the database has all migrations; checked only with `--database`, as Django does."""
    if DEFAULT_DB_ALIAS not in (databases or ()):
        return []
    try:
        missing = installation.missing_migrations()
    except DatabaseError as error:
        hint = "Start it, or correct DATABASE_URL."
        return [Error(f"The database’s migrations cannot be read: {error}", hint=hint, id="osync.E029")]
    if not missing:
        return []
    return [Error(f"The database lacks {summarize(missing)}.", hint="Run “manage.py migrate”.", id="osync.E028")]


@register("osync", Tags.staticfiles, deploy=True)
def static_files_are_collected(app_configs: Any, **kwargs: Any) -> Messages:
    """Check E030: all static files of this version are collected."""
    if not (missing := installation.missing_static_files()):
        return []
    message = f"Static files of this version are not collected: {summarize(missing)}."
    hint = "Run “manage.py collectstatic”, then restart the web processes."
    return [Error(message, hint=hint, id="osync.E030")]


def summarize(names: Sequence[str]) -> str:
    """Return the first name and the number of further ones."""
    return f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0]
