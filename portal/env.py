"""Typed readers of environment variables, through which the portal reads all its settings.

Each reader also accepts NAME_FILE, the path of a file that holds the value, and the former name of a renamed setting.
"""

from __future__ import annotations

import json
import warnings
from datetime import date
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured


class BadValue(ImproperlyConfigured):
    """An environment variable has a value that the portal cannot use; the message names the variable."""


_env = environ.FileAwareEnv()
_FLAGS = {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False, "no": False, "0": False}
# New name of a setting ─▶ its former name, which this version still reads.
RENAMED = {"RATE_LIMIT_URL": "GOVERNOR_URL", "RATE_LIMIT_TIME_SCALE": "GOVERNOR_TIME_SCALE"}


def text(name: str, default: str = "") -> str:
    """Return the value without surrounding whitespace (files often end in a line break).

    The readers of django-environ are not used, because they take a secret that begins with "$" for the name of another
    variable. Warns if only the former name of a renamed setting is set. Raises BadValue.
    """
    value = _read(name)
    if value is None and name in RENAMED:
        value = _read(RENAMED[name])
        if value is not None:
            warnings.warn(f"{RENAMED[name]} is now called {name}. Rename it.", FutureWarning, stacklevel=2)
    return default if value is None else value


def _read(name: str) -> str | None:
    try:
        value = _env.ENVIRON.get(name)
    except (OSError, ValueError) as error:
        raise BadValue(f"{name}_FILE names a file that cannot be read ({type(error).__name__}).") from error
    return None if value is None else str(value).strip()


def flag(name: str, *, default: bool) -> bool:
    """Return a boolean. Raises BadValue for an unknown word, because a typo must not switch a safeguard off."""
    value = text(name, str(default)).lower()
    if value not in _FLAGS:
        raise BadValue(f"{name} must be one of {', '.join(_FLAGS)}, not {value!r}.")
    return _FLAGS[value]


def choice(name: str, choices: tuple[str, ...]) -> str:
    """Return one of `choices`, the first if the variable is not set. Raises BadValue for any other word."""
    value = text(name, choices[0]).lower()
    if value not in choices:
        raise BadValue(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
    return value


def number(name: str, default: float) -> float:
    """Return a number. Raises BadValue."""
    value = text(name, str(default))
    try:
        return float(value)
    except ValueError as error:
        raise BadValue(f"{name} must be a number, not {value!r}.") from error


def whole_number(name: str, default: int, *, minimum: int, maximum: int) -> int:
    """Return a whole number within these limits. Raises BadValue."""
    value = text(name, str(default))
    found = int(value) if value.isascii() and value.isdigit() else -1
    if not minimum <= found <= maximum:
        raise BadValue(f"{name} must be a whole number from {minimum} to {maximum}, not {value!r}.")
    return found


def port(name: str, default: int) -> int:
    """Return a port. Raises BadValue."""
    return whole_number(name, default, minimum=1, maximum=65535)


def day(name: str) -> date | None:
    """Return a date written as YYYY-MM-DD, or None if the variable is not set. Raises BadValue."""
    value = text(name)
    try:
        return date.fromisoformat(value) if value else None
    except ValueError as error:
        raise BadValue(f"{name} must be a date such as 2027-03-31, not {value!r}.") from error


def path(name: str, default: Path) -> Path:
    """Return the absolute path of a file or folder."""
    return Path(text(name, str(default))).expanduser().resolve()


def items(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """Return the items of a comma-separated list."""
    return [item.strip() for item in text(name, ",".join(default)).split(",") if item.strip()]


def mapping(name: str) -> dict[str, str]:
    """Return a JSON object as a dict of strings, null as ''; empty if the variable is not set. Raises BadValue."""
    value = text(name)
    if not value:
        return {}
    try:
        parsed = json.loads(value)
    except ValueError as error:
        raise BadValue(f"{name} must be a JSON object.") from error
    if not isinstance(parsed, dict):
        raise BadValue(f"{name} must be a JSON object.")
    return {str(key): "" if item is None else str(item) for key, item in parsed.items()}


def database(name: str, default: str) -> dict[str, Any]:
    """Return a database URL as Django's settings for a database."""
    return dict(_env.db_url_config(text(name, default)))
