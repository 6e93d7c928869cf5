"""System checks of what an upgrade needs: `manage.py check --deploy --database default`.

Only deployment checks: `migrate` and `collectstatic` run the others first, and would refuse to mend what is missing.
The processes of the portal start nevertheless, and wait (portal/startup.py) or are not ready (health/).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DEFAULT_DB_ALIAS
from django.db import Error as DatabaseError

from syncapp.checks import installation

Found = list[CheckMessage]


@register("osync", Tags.database, deploy=True)
def migrations_are_applied(app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any) -> Found:
    """E028, E029: the database has all migrations. It is asked only where `--database` names it, as Django does."""
    if DEFAULT_DB_ALIAS not in (databases or ()):
        return []
    try:
        missing = installation.missing_migrations()
    except DatabaseError as error:
        hint = "Start it, or correct DATABASE_URL; without --database nothing is asked."
        return [Error(f"The database cannot be asked for its migrations: {error}", hint=hint, id="osync.E029")]
    if not missing:
        return []
    return [Error(f"The database lacks {listed(missing)}.", hint="Run “manage.py migrate”.", id="osync.E028")]


@register("osync", Tags.staticfiles, deploy=True)
def static_files_are_collected(app_configs: Any, **kwargs: Any) -> Found:
    """E030: without a collected file every page that refers to it is an error."""
    if not (missing := installation.missing_static_files()):
        return []
    message = f"Static files of this version are not collected: {listed(missing)}."
    hint = "Run “manage.py collectstatic”, then restart the web processes."
    return [Error(message, hint=hint, id="osync.E030")]


def listed(names: Sequence[str]) -> str:
    """Return the first of these names, and how many more there are."""
    return f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else names[0]
