"""The system's Chromium for browser tests, installed from the system's packages where needed."""

from __future__ import annotations

import os
import shutil

from tests.support import system_packages

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """Return the browser's path; CHROMIUM in the environment takes precedence."""
    named = os.environ.get("CHROMIUM")
    return named or next((path for path in map(shutil.which, NAMES) if path), None)


def install() -> str | None:
    """Install Chromium without asking for a password; return its path, or None if that is not allowed."""
    return find() if system_packages.install("chromium") else None
