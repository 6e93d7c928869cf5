"""Typed readers of the environment. Every reader also takes NAME_FILE, a path that holds the value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

_env = environ.FileAwareEnv()
_WORDS = {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False, "no": False, "0": False}


def text(name: str, default: str = "") -> str:
    """The value as it is, without surrounding blanks (files often end in a line break).

    Not by the library's own readers: they take a secret that begins with "$" for the name of another variable.
    """
    try:
        return str(_env.ENVIRON.get(name, default)).strip()
    except (OSError, ValueError) as error:
        raise ImproperlyConfigured(f"{name}_FILE names a file that cannot be read ({type(error).__name__}).") from error


def flag(name: str, *, default: bool) -> bool:
    """Yes or no in any case; another word stops the start, since a slip must not switch a guard off."""
    value = text(name, str(default)).lower()
    if value not in _WORDS:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(_WORDS)}, not {value!r}.")
    return _WORDS[value]


def number(name: str, default: float) -> float:
    """A number; a value that is none stops the start with the variable's name."""
    value = text(name, str(default))
    try:
        return float(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a number, not {value!r}.") from error


def path(name: str, default: Path) -> Path:
    """A file or folder, made absolute."""
    return Path(text(name, str(default))).expanduser().resolve()


def items(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """A comma-separated list."""
    return [item.strip() for item in text(name, ",".join(default)).split(",") if item.strip()]


def mapping(name: str) -> dict[str, str]:
    """A JSON object of text to text; absent is empty."""
    value = text(name)
    if not value:
        return {}
    try:
        parsed = json.loads(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a JSON object.") from error
    if not isinstance(parsed, dict):
        raise ImproperlyConfigured(f"{name} must be a JSON object.")
    return {str(key): str(item) for key, item in parsed.items()}


def database(name: str, default: str) -> dict[str, Any]:
    """A DATABASE_URL as Django's mapping."""
    return dict(_env.db_url_config(text(name, default)))
