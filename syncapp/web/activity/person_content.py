"""Words for entries of the audit log about a person."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from syncapp.models import Person
from syncapp.models.person import ROLE_COLUMNS
from syncapp.review.diff.presentation import format_day
from syncapp.text import localization, time_zones
from syncapp.text.ids import parse_uuid
from syncapp.web.activity import words

_NOT_SET = "not set"
_NAMES = {
    "name": "name",
    "address": "e-mail",
    "oid": "object ID",
    "notify": "mails",
    "time_zone": "time zone",
    "locale": "dates and numbers",
    "letter_keys": "single-letter keys",
    "theme": "theme",
    "is_active": "access",
}


def in_words(stored: str | None) -> str:
    """Return stored JSON, or values separated by "; ", as "mails: Daily digest; time zone: Europe/Berlin"."""
    if stored is None:
        return _NOT_SET
    try:
        content = json.loads(stored)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        return "; ".join(map(_with_name, stored.split("; ")))
    parts = [f"{_NAMES[name]}: {_word(value)}" for name, value in content.items() if name in _NAMES and value != ""]
    roles = [words.role(role) for role, column in ROLE_COLUMNS.items() if content.get(column)]
    if roles:
        parts.append(f"roles: {', '.join(roles)}")
    elif any(column in content for column in ROLE_COLUMNS.values()):
        parts.append("no role")
    return "; ".join(parts)


def absence_in_words(stored: str | None, people: Mapping[Any, Person]) -> str:
    """Return "2026-11-20 ID" as "until 20 November 2026, deputy Rob"; "not set" if there was none."""
    if stored is None:
        return _NOT_SET
    day, _, deputy_id = stored.partition(" ")
    deputy = people.get(parse_uuid(deputy_id))
    until = f"until {day_in_words(day)}"
    return f"{until}, deputy {deputy.name}" if deputy else until


def day_in_words(stored: str | None) -> str | None:
    """Return an ISO date as the reader writes dates; anything else unchanged."""
    try:
        return format_day(date.fromisoformat(stored or ""))
    except ValueError:
        return stored


def _with_name(value: str) -> str:
    """Return a value with the name of its preference, which is known by the value's form."""
    if value in Person.Notify:
        name = "notify"
    elif localization.is_known(value):
        name = "locale"
    elif time_zones.find(value):
        name = "time_zone"
    else:
        return _word(value)
    return f"{_NAMES[name]}: {_word(value)}"


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return dict([*Person.Notify.choices, *Person.Theme.choices]).get(value) or localization.name_of(value) or str(value)
