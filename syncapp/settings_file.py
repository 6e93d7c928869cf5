"""The settings as a file: taken out of one portal, compared with another, applied there. No secrets, no people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from syncapp import preferences
from syncapp.models import Person, Rule
from syncapp.models.review.rule import CONTENT
from syncapp.preferences import BadSetting
from syncapp.review.rules import editing
from syncapp.review.rules.editing import BadRule, RuleDraft

FORMAT, VERSION = "outlook-sync-settings", 1
MOST_BYTES = 256_000


class BadFile(Exception):
    """A file that is not taken; `place` is where, `str()` why."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(message)
        self.place = place


class MovedMeanwhile(Exception):
    """The settings are no longer those that the file was compared with."""


@dataclass(frozen=True, slots=True)
class Change:
    """One setting, or one rule's line, that the file would change; texts as a person reads them."""

    place: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What applying the file would do now; `seen` is the state that it was compared with."""

    changes: tuple[Change, ...]
    seen: str


def export() -> str:
    """All settings and rules, as JSON."""
    found = {"format": FORMAT, "version": VERSION, "settings": preferences.stored(), "rules": _rules()}
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _rules() -> list[dict[str, Any]]:
    return [rule.content for rule in Rule.objects.shown()]


def compare(text: str) -> Comparison:
    """What the file would change. Raises BadFile with the place of anything unknown or wrong."""
    wanted, wishes = _parsed(text)
    changed = _settings_changes(wanted)
    found = [Change(name, _text(before), _text(after)) for name, (before, after) in changed.items()]
    held = {rule.name: rule for rule in Rule.objects.shown()}
    codes = [reason["code"] for reason in {**preferences.stored(), **wanted}["reasons"]]
    for number, wish in enumerate(wishes):
        content, rule = _checked(number, wish, codes), held.get(wish.name)
        found += _rule_changes(rule.content if rule else {}, content)
    return Comparison(tuple(found), _state())


def apply(text: str, *, seen: str, by: Person) -> int:
    """Take the file's settings over; rules that change or are new are paused. Returns how many things changed.

    Raises BadFile, MovedMeanwhile.
    """
    with transaction.atomic():
        found = compare(text)
        if found.seen != seen:
            raise MovedMeanwhile
        wanted, wishes = _parsed(text)
        preferences.change(by=by, channel="file", **wanted)
        held = {rule.name: rule.pk for rule in Rule.objects.shown()}
        for wish in wishes:
            if wish.name in held:
                editing.change(held[wish.name], wish, by=by, channel="file")
            else:
                editing.create(wish, by=by, channel="file")
    return len(found.changes)


def _state() -> str:
    return hashlib.sha256(export().encode()).hexdigest()[:32]


def _parsed(text: str) -> tuple[dict[str, Any], list[RuleDraft]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        place = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "the file"
        raise BadFile(place, "This is not JSON.") from error
    _refuse_unstorable(text, found)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise BadFile("format", f"This is no file of settings: “format” must be “{FORMAT}”.")
    if found.get("version") != VERSION:
        raise BadFile("version", f"Version {VERSION} is understood here, not {str(found.get('version'))[:20]}.")
    _refuse_unknown("", found, {"format", "version", "settings", "rules"})
    settings, entries = found.get("settings", {}), found.get("rules", [])
    if not isinstance(settings, dict) or not isinstance(entries, list):
        raise BadFile("settings", "“settings” is an object and “rules” a list.")
    return settings, _wishes(entries)


def _refuse_unstorable(text: str, found: Any) -> None:
    """Zero characters and halves of characters, which databases do not take."""
    try:
        plain = json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise BadFile("the file", "It holds half a character (a lone surrogate).") from error
    if b"\\u0000" in plain:
        line = next((n for n, each in enumerate(text.splitlines(), 1) if "\\u0000" in each), 1)
        raise BadFile(f"line {line}", "It holds a zero character.")


def _wishes(entries: list[Any]) -> list[RuleDraft]:
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise BadFile(f"rules[{number}]", "Each rule is an object.")
        _refuse_unknown(f"rules[{number}].", entry, set(CONTENT))
        for name in ("columns", "editors", "kinds"):
            if not isinstance(entry.get(name, []), list):
                raise BadFile(f"rules[{number}].{name}", "A list.")
    wishes = [RuleDraft.from_content(entry) for entry in entries]
    names = [wish.name for wish in wishes]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadFile("rules", f"Two rules are called “{twice[:80]}”.")
    return wishes


def _refuse_unknown(place: str, found: Mapping[str, Any], known: set[str]) -> None:
    unknown = next((name for name in found if name not in known), None)
    if unknown is not None:
        raise BadFile(f"{place}{unknown[:60]}", "There is no such setting.")


def _settings_changes(wanted: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    try:
        return preferences.differences(wanted)
    except BadSetting as error:
        raise BadFile(f"settings.{error.place[:80]}", str(error)) from error


def _checked(number: int, wish: RuleDraft, codes: list[str]) -> dict[str, Any]:
    try:
        return editing.check(wish, codes=codes)
    except BadRule as error:
        raise BadFile(f"rules[{number}].{error.place}", str(error)) from error


def _rule_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    name = after["name"]
    if not before:
        return [Change(f"rule “{name}”", "", f"new: {_text({key: after[key] for key in CONTENT if after[key]})}")]
    changed = [key for key in CONTENT if before[key] != after[key]]
    return [Change(f"rule “{name}”, {key}", _text(before[key]), _text(after[key])) for key in changed]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
