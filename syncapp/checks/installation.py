"""The migrations and collected static files that this version needs."""

from __future__ import annotations

import functools
from itertools import chain

from django.contrib.staticfiles.apps import StaticFilesConfig
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage, staticfiles_storage
from django.core.files.storage import Storage
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

_state = {"has_all": False}


def missing_migrations() -> list[str]:
    """Return the migrations of this version that the database lacks, in order.

    A newer database lacks none, because the previous version works with it too. Raises django.db.Error.
    """
    loader = MigrationLoader(None, load=False)
    loader.load_disk()
    if not loader.disk_migrations:
        return []
    applied = MigrationRecorder(connection).applied_migrations()
    return [f"{app}.{name}" for app, name in sorted(loader.disk_migrations) if (app, name) not in applied]


def lacks_migrations() -> bool:
    """Return whether migrations are missing; once none is, the database is not asked again. Raises django.db.Error."""
    if not _state["has_all"]:
        _state["has_all"] = not missing_migrations()
    return not _state["has_all"]


def missing_static_files() -> list[str]:
    """Return the static files that were not collected, or come from another version.

    Empty if the source files are served, as in the demo.
    """
    collected = staticfiles_storage
    if not isinstance(collected, ManifestStaticFilesStorage):
        return []
    sources = chain.from_iterable(finder.list(StaticFilesConfig.ignore_patterns) for finder in get_finders())
    return [path for path, source in sources if not _is_collected(path, source, collected)]


@functools.cache
def static_files_missing_at_start() -> tuple[str, ...]:
    """Return the static files missing at the first call, because WhiteNoise lists the files only once per process."""
    return tuple(missing_static_files())


def _is_collected(path: str, source: Storage, collected: ManifestStaticFilesStorage) -> bool:
    try:
        # Pages refer to the name with the digest; the copy without it shows which version was collected.
        if not collected.exists(collected.hashed_files[path]):
            return False
        with source.open(path) as source_file, collected.open(path) as collected_file:
            return bool(source_file.read() == collected_file.read())
    except (KeyError, OSError):
        return False
