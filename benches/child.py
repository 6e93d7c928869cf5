"""`python -m benches.child NAME`: measure one bench on the stage that the environment names."""

from __future__ import annotations

import importlib
import sys

import django
from django.core.management import call_command

from benches import figures


def main() -> None:
    """Set Django and its tables up, then import the bench, which imports models."""
    django.setup()
    call_command("migrate", verbosity=0)
    importlib.import_module(f"benches.{sys.argv[1]}").main()
    sys.exit(figures.MISSED if figures.missed() else 0)


if __name__ == "__main__":
    main()
