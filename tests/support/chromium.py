"""The system's Chromium for browser tests: found, installed from the system's packages, or said to be missing."""

from __future__ import annotations

import os
import shutil

from tests.support import system_packages

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """The browser's path; CHROMIUM in the environment wins."""
    named = os.environ.get("CHROMIUM")
    return named or next((path for path in map(shutil.which, NAMES) if path), None)


def install() -> str | None:
    """Install it where we may, without asking for a password; the path, or None where we may not."""
    return find() if system_packages.install("chromium") else None
