"""Preferences that administrators set in the portal; every change is in the audit log."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from syncapp import audit
from syncapp.models import Person, Preferences
from syncapp.models.preferences import STANDARD_REASONS
from syncapp.text.localization import number as number_words

MAX_UNDO_SECONDS, MAX_OVERDUE_HOURS = 300, 24 * 60
MAX_REASONS, MAX_GROUPS = 12, 20
OTHER = "other"  # the only reason that needs an explanation
KEPT_CRM_VALUE = "kept_crm"  # the answer to a conflict, not offered as a reason


class BadSetting(Exception):
    """An invalid value; `place` names the setting, `str()` is the message for the person."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(message)
        self.place = place


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason for rejecting a proposal: the stored code and its wording."""

    code: str
    words: str


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """Columns that are decided together unless a reviewer splits them."""

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """The current preferences."""

    undo_seconds: float | None
    reason_required: bool
    anyone_decides_unidentified: bool
    reasons: tuple[Reason, ...]
    field_groups: tuple[FieldGroup, ...]
    backlog: bool
    overdue_hours: int
    mail_values: bool
    tell_editors: bool
    operations_address: str

    @property
    def undo_window(self) -> float:
        """Return how long a decision can be undone, in seconds; the default is the setting UNDO_SECONDS."""
        return settings.UNDO_SECONDS if self.undo_seconds is None else self.undo_seconds


_cache: ContextVar[list[Settings] | None] = ContextVar("preferences", default=None)


@contextmanager
def cached() -> Iterator[None]:
    """Read the row at most once within the block, such as a request."""
    token = _cache.set([])
    try:
        yield
    finally:
        _cache.reset(token)


def read() -> Settings:
    """Return the preferences: one query, or none within `cached`."""
    cache = _cache.get()
    if cache:
        return cache[0]
    row = _row()
    current = Settings(
        undo_seconds=row.undo_seconds,
        reason_required=row.reason_required,
        anyone_decides_unidentified=row.anyone_decides_unidentified,
        reasons=tuple(Reason(each["code"], each["words"]) for each in row.reasons),
        field_groups=tuple(FieldGroup(each["name"], tuple(each["columns"])) for each in row.field_groups),
        backlog=row.backlog,
        overdue_hours=row.overdue_hours,
        mail_values=row.mail_values,
        tell_editors=row.tell_editors,
        operations_address=row.operations_address,
    )
    if cache is not None:
        cache.append(current)
    return current


def _row() -> Preferences:
    return Preferences.objects.first() or Preferences(**Preferences.standard_values())


def split_reason(stored: str) -> tuple[str, str]:
    """Split a stored reason into its code and sentence, which a space separates; either may be missing."""
    code, _, text = stored.partition(" ")
    known = {KEPT_CRM_VALUE, *dict(STANDARD_REASONS), *(reason.code for reason in read().reasons)}
    return (code, text) if code in known else ("", stored)


def stored() -> dict[str, Any]:
    """Return the stored columns, for forms and the settings file."""
    row = _row()
    return {name: getattr(row, name) for name in COLUMNS}


def differences(wanted: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the old and new value of each column that would change. Raises BadSetting."""
    current = stored()
    checked = {name: check(name, value) for name, value in wanted.items()}
    return {name: (current[name], value) for name, value in checked.items() if value != current[name]}


@transaction.atomic
def change(*, by: Person | None, channel: str = "settings", **columns: Any) -> Settings:
    """Set these columns and record each change in the audit log. Raises BadSetting."""
    Preferences.objects.get_or_create(slot=1, defaults=Preferences.standard_values())
    Preferences.objects.select_for_update().get(slot=1)
    changed = differences(columns)
    Preferences.objects.filter(slot=1).update(**{name: after for name, (_, after) in changed.items()})
    group = uuid.uuid4()
    for name, (before, after) in changed.items():
        audit.record(
            "settings.changed",
            by=by,
            channel=channel,
            group=group,
            details={"setting": name},
            before=_text(before),
            after=_text(after),
        )
    if cache := _cache.get():
        cache.clear()
    return read()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def check(name: str, value: Any) -> Any:
    """Check a value and return it as the database stores it. Raises BadSetting with the place of the error."""
    if name not in COLUMNS:
        raise BadSetting(name, "There is no such setting.")
    return COLUMNS[name](name, value)


def _yes_no(place: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadSetting(place, "Choose true or false.")
    return value


def _whole_number(*, minimum: int, maximum: int, unit: str, optional: bool = False) -> Callable[[str, Any], int | None]:
    def check(place: str, value: Any) -> int | None:
        if value is None and optional:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
            raise BadSetting(place, f"Enter a whole number of {unit} from {minimum} to {number_words(maximum)}.")
        return value

    return check


def _address(place: str, value: Any) -> str:
    if not isinstance(value, str):
        raise BadSetting(place, "Enter one e-mail address, or leave it empty.")
    if value:
        try:
            validate_email(value)
        except ValidationError as error:
            raise BadSetting(place, f"“{value[:60]}” is not an e-mail address.") from error
    return value


def _reasons(place: str, value: Any) -> list[dict[str, str]]:
    rows = _rows(place, value, keys={"code", "words"}, limit=MAX_REASONS)
    for number, row in enumerate(rows):
        if not isinstance(row["code"], str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", row["code"]):
            raise BadSetting(f"{place}[{number}].code", "Use lowercase letters, digits and _, at most 40 characters.")
        row["words"] = _words(f"{place}[{number}].words", row["words"], max_length=60)
    if not rows:
        raise BadSetting(place, "Add at least one reason.")
    _check_unique(place, [row["code"] for row in rows])
    return rows


def _groups(place: str, value: Any) -> list[dict[str, Any]]:
    rows = _rows(place, value, keys={"name", "columns"}, limit=MAX_GROUPS)
    for number, row in enumerate(rows):
        row["name"] = _words(f"{place}[{number}].name", row["name"], max_length=60)
        here = f"{place}[{number}].columns"
        names = row["columns"]
        if not isinstance(names, list) or not all(isinstance(each, str) and _COLUMN.fullmatch(each) for each in names):
            raise BadSetting(here, "Give a list of the columns’ logical names.")
        if len(names) < 2:
            raise BadSetting(here, "Choose at least two columns for a group.")
    _check_unique(place, [row["name"] for row in rows])
    _check_unique(place, [each for row in rows for each in row["columns"]])
    return rows


_COLUMN = re.compile(r"[a-z_][a-z0-9_]{0,127}")


def _rows(place: str, value: Any, *, keys: set[str], limit: int) -> list[dict[str, Any]]:
    if not isinstance(value, list) or len(value) > limit:
        raise BadSetting(place, f"Give a list of at most {limit} entries.")
    for number, row in enumerate(value):
        if not isinstance(row, dict) or set(row) != keys:
            raise BadSetting(f"{place}[{number}]", f"Give exactly these keys: {', '.join(sorted(keys))}.")
    return [dict(row) for row in value]


def _words(place: str, value: Any, *, max_length: int) -> str:
    if not isinstance(value, str) or not 0 < len(value.strip()) <= max_length:
        raise BadSetting(place, f"Enter 1 to {max_length} characters.")
    return value.strip()


def _check_unique(place: str, names: list[str]) -> None:
    duplicate = next((name for name in names if names.count(name) > 1), None)
    if duplicate is not None:
        raise BadSetting(place, f"“{duplicate}” appears twice.")


COLUMNS: Mapping[str, Callable[[str, Any], Any]] = {
    "undo_seconds": _whole_number(minimum=0, maximum=MAX_UNDO_SECONDS, unit="seconds", optional=True),
    "reason_required": _yes_no,
    "anyone_decides_unidentified": _yes_no,
    "reasons": _reasons,
    "field_groups": _groups,
    "backlog": _yes_no,
    "overdue_hours": _whole_number(minimum=1, maximum=MAX_OVERDUE_HOURS, unit="hours"),
    "mail_values": _yes_no,
    "tell_editors": _yes_no,
    "operations_address": _address,
}
