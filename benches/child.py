"""`python -m benches.child NAME`: run one benchmark with the database and servers that the environment names."""

from __future__ import annotations

import importlib
import sys

import django
from django.core.management import call_command

from benches import figures


def main() -> None:
    """Set up Django and the tables, then import the benchmark, which imports models, and run it."""
    django.setup()
    call_command("migrate", verbosity=0)
    importlib.import_module(f"benches.{sys.argv[1]}").main()
    sys.exit(figures.MISSED if figures.missed() else 0)


if __name__ == "__main__":
    main()
