"""Backup and restore of the portal's tables on either database; the CRM is not affected."""

from __future__ import annotations

import json
from pathlib import Path

from django.core.management import call_command


def back_up(folder: Path) -> Path:
    """Write all rows into a file."""
    file = folder / "backup.json"
    call_command("dumpdata", "syncapp", output=str(file), verbosity=0)
    return file


def restore(file: Path) -> None:
    """Replace all rows with those of the file."""
    call_command("flush", interactive=False, verbosity=0)
    if json.loads(file.read_text()):
        call_command("loaddata", str(file), verbosity=0)
