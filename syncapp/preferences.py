"""What administrators set in the portal: read anywhere, changed here, every change in the audit trail."""

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

LONGEST_UNDO, LONGEST_OVERDUE = 300, 24 * 60
MOST_REASONS, MOST_GROUPS = 12, 20
OTHER = "other"  # the one reason that needs a sentence
KEPT_CRM_VALUE = "kept_crm"  # the answer to a conflict, not offered as a reason


class BadSetting(Exception):
    """A value that cannot be set; `place` names it, `str()` is what the person reads."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(message)
        self.place = place


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a proposal is rejected: the code that is stored, and its words."""

    code: str
    words: str


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """Columns that are decided together unless they are split on purpose."""

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """The preferences as they are now."""

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
        """How long a decision can be undone, in seconds: what an administrator chose, else UNDO_SECONDS."""
        return settings.UNDO_SECONDS if self.undo_seconds is None else self.undo_seconds


_held: ContextVar[list[Settings] | None] = ContextVar("preferences", default=None)


@contextmanager
def cached() -> Iterator[None]:
    """Read the row once for all that happens inside, such as one request."""
    token = _held.set([])
    try:
        yield
    finally:
        _held.reset(token)


def read() -> Settings:
    """The preferences: one query, or none where they are remembered."""
    held = _held.get()
    if held:
        return held[0]
    rules = _rules(_row())
    if held is not None:
        held.append(rules)
    return rules


def _row() -> Preferences:
    return Preferences.objects.first() or Preferences(**Preferences.standard_values())


def _rules(row: Preferences) -> Settings:
    return Settings(
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


def split_reason(stored: str) -> tuple[str, str]:
    """Split a reason as the audit log and the CRM keep it: its code, a sentence, or both with a blank between."""
    code, _, text = stored.partition(" ")
    known = {KEPT_CRM_VALUE, *dict(STANDARD_REASONS), *(reason.code for reason in read().reasons)}
    return (code, text) if code in known else ("", stored)


def stored() -> dict[str, Any]:
    """The columns as they are kept, for forms and for the file."""
    row = _row()
    return {name: getattr(row, name) for name in COLUMNS}


def differences(wanted: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Per column that would change: before and after. Raises BadSetting."""
    now = stored()
    checked = {name: check(name, value) for name, value in wanted.items()}
    return {name: (now[name], value) for name, value in checked.items() if value != now[name]}


@transaction.atomic
def change(*, by: Person | None, channel: str = "settings", **columns: Any) -> Settings:
    """Set these columns; each one that changes has its entry in the audit trail. Raises BadSetting."""
    Preferences.objects.get_or_create(slot=1, defaults=Preferences.standard_values())
    Preferences.objects.select_for_update().get(slot=1)
    changed = differences(columns)
    Preferences.objects.filter(slot=1).update(**{name: after for name, (_, after) in changed.items()})
    group = uuid.uuid4()
    for name, (before, after) in changed.items():
        _note(name, before, after, by=by, channel=channel, group=group)
    _forget()
    return read()


def _note(name: str, before: Any, after: Any, *, by: Person | None, channel: str, group: uuid.UUID) -> None:
    audit.record(
        "settings.changed",
        by=by,
        channel=channel,
        group=group,
        details={"setting": name},
        before=_text(before),
        after=_text(after),
    )


def _forget() -> None:
    held = _held.get()
    if held:
        held.clear()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def check(name: str, value: Any) -> Any:
    """The value as it may be stored. Raises BadSetting, with the place where it is wrong."""
    if name not in COLUMNS:
        raise BadSetting(name, "There is no such setting.")
    return COLUMNS[name](name, value)


def _yes_no(place: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadSetting(place, "Either true or false.")
    return value


def _seconds(place: str, value: Any) -> int | None:
    return None if value is None else _whole(place, value, least=0, most=LONGEST_UNDO, unit="seconds")


def _hours(place: str, value: Any) -> int:
    return _whole(place, value, least=1, most=LONGEST_OVERDUE, unit="hours")


def _whole(place: str, value: Any, *, least: int, most: int, unit: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadSetting(place, f"A whole number of {unit} from {least} to {number_words(most)}.")
    return value


def _address(place: str, value: Any) -> str:
    if not isinstance(value, str):
        raise BadSetting(place, "One e-mail address, or nothing.")
    if value:
        try:
            validate_email(value)
        except ValidationError as error:
            raise BadSetting(place, f"“{value[:60]}” is no e-mail address.") from error
    return value


def _reasons(place: str, value: Any) -> list[dict[str, str]]:
    rows = _rows(place, value, keys={"code", "words"}, most=MOST_REASONS)
    for number, row in enumerate(rows):
        if not isinstance(row["code"], str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", row["code"]):
            raise BadSetting(f"{place}[{number}].code", "Small letters, figures and _ only, at most 40.")
        row["words"] = _words(f"{place}[{number}].words", row["words"], most=60)
    if not rows:
        raise BadSetting(place, "At least one reason is needed.")
    _refuse_twice(place, [row["code"] for row in rows])
    return rows


def _groups(place: str, value: Any) -> list[dict[str, Any]]:
    rows = _rows(place, value, keys={"name", "columns"}, most=MOST_GROUPS)
    for number, row in enumerate(rows):
        row["name"] = _words(f"{place}[{number}].name", row["name"], most=60)
        here = f"{place}[{number}].columns"
        names = row["columns"]
        if not isinstance(names, list) or not all(isinstance(each, str) and _COLUMN.fullmatch(each) for each in names):
            raise BadSetting(here, "A list of the columns’ logical names.")
        if len(names) < 2:
            raise BadSetting(here, "A group has at least two columns.")
    _refuse_twice(place, [row["name"] for row in rows])
    _refuse_twice(place, [each for row in rows for each in row["columns"]])
    return rows


_COLUMN = re.compile(r"[a-z_][a-z0-9_]{0,127}")


def _rows(place: str, value: Any, *, keys: set[str], most: int) -> list[dict[str, Any]]:
    if not isinstance(value, list) or len(value) > most:
        raise BadSetting(place, f"A list of at most {most}.")
    for number, row in enumerate(value):
        if not isinstance(row, dict) or set(row) != keys:
            raise BadSetting(f"{place}[{number}]", f"Exactly these keys: {', '.join(sorted(keys))}.")
    return [dict(row) for row in value]


def _words(place: str, value: Any, *, most: int) -> str:
    if not isinstance(value, str) or not 0 < len(value.strip()) <= most:
        raise BadSetting(place, f"A text of 1 to {most} characters.")
    return value.strip()


def _refuse_twice(place: str, names: list[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadSetting(place, f"“{twice}” is there twice.")


COLUMNS: Mapping[str, Callable[[str, Any], Any]] = {
    "undo_seconds": _seconds,
    "reason_required": _yes_no,
    "anyone_decides_unidentified": _yes_no,
    "reasons": _reasons,
    "field_groups": _groups,
    "backlog": _yes_no,
    "overdue_hours": _hours,
    "mail_values": _yes_no,
    "tell_editors": _yes_no,
    "operations_address": _address,
}
