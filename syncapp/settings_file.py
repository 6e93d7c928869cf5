"""Export and import of the settings as a file, without secrets or people."""

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
MAX_BYTES = 256_000


class BadFile(Exception):
    """An invalid file; `place` names the setting or the line, `str()` is the message for the person."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(message)
        self.place = place


class SettingsChanged(Exception):
    """The settings have changed since the file was compared with them."""


@dataclass(frozen=True, slots=True)
class Change:
    """A setting, or a part of a rule, that the file would change; both values as text."""

    place: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The changes that importing the file would make; `seen` identifies the settings it was compared with."""

    changes: tuple[Change, ...]
    seen: str


def export() -> str:
    """Return all settings and rules as JSON."""
    rules = [rule.content for rule in Rule.objects.existing()]
    content = {"format": FORMAT, "version": VERSION, "settings": preferences.stored(), "rules": rules}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def compare(text: str) -> Comparison:
    """Compare a file with the current settings. Raises BadFile with the place of anything unknown or invalid."""
    settings, drafts = _parse(text)
    try:
        changed = preferences.differences(settings)
    except BadSetting as error:
        raise BadFile(f"settings.{error.place[:80]}", str(error)) from error
    changes = [Change(name, _text(before), _text(after)) for name, (before, after) in changed.items()]
    existing = {rule.name: rule for rule in Rule.objects.existing()}
    codes = [reason["code"] for reason in {**preferences.stored(), **settings}["reasons"]]
    for number, draft in enumerate(drafts):
        try:
            after = editing.check(draft, codes=codes)
        except BadRule as error:
            raise BadFile(f"rules[{number}].{error.place}", str(error)) from error
        place = f"rule “{after['name']}”"
        if draft.name in existing:
            before = existing[draft.name].content
            changed_keys = [key for key in CONTENT if before[key] != after[key]]
            changes += [Change(f"{place}, {key}", _text(before[key]), _text(after[key])) for key in changed_keys]
        else:
            changes.append(Change(place, "", f"new: {_text({key: after[key] for key in CONTENT if after[key]})}"))
    return Comparison(tuple(changes), hashlib.sha256(export().encode()).hexdigest()[:32])


def apply(text: str, *, seen: str, by: Person) -> int:
    """Import the file; new and changed rules are paused. Return the number of changes.

    Raises BadFile, and SettingsChanged if the settings are no longer those that were `seen`.
    """
    with transaction.atomic():
        comparison = compare(text)
        if comparison.seen != seen:
            raise SettingsChanged
        settings, drafts = _parse(text)
        preferences.change(by=by, channel="file", **settings)
        existing = {rule.name: rule.pk for rule in Rule.objects.existing()}
        for draft in drafts:
            if draft.name in existing:
                editing.change(existing[draft.name], draft, by=by, channel="file")
            else:
                editing.create(draft, by=by, channel="file")
    return len(comparison.changes)


def _parse(text: str) -> tuple[dict[str, Any], list[RuleDraft]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        place = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "the file"
        raise BadFile(place, "This is not JSON.") from error
    # Databases store neither null characters nor lone surrogates.
    try:
        encoded = json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise BadFile("the file", "The file contains half a character (a lone surrogate).") from error
    if b"\\u0000" in encoded:
        line = next((n for n, each in enumerate(text.splitlines(), 1) if "\\u0000" in each), 1)
        raise BadFile(f"line {line}", "The file contains a null character.")
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise BadFile("format", f"This is not a settings file: “format” must be “{FORMAT}”.")
    if found.get("version") != VERSION:
        raise BadFile("version", f"Only version {VERSION} can be imported, not {str(found.get('version'))[:20]}.")
    _refuse_unknown("", found, {"format", "version", "settings", "rules"})
    settings, entries = found.get("settings", {}), found.get("rules", [])
    if not isinstance(settings, dict) or not isinstance(entries, list):
        raise BadFile("settings", "“settings” must be an object and “rules” a list.")
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise BadFile(f"rules[{number}]", "Each rule must be an object.")
        _refuse_unknown(f"rules[{number}].", entry, set(CONTENT))
        for name in ("columns", "editors", "kinds"):
            if not isinstance(entry.get(name, []), list):
                raise BadFile(f"rules[{number}].{name}", "This must be a list.")
    drafts = [RuleDraft.from_content(entry) for entry in entries]
    names = [draft.name for draft in drafts]
    duplicate = next((name for name in names if names.count(name) > 1), None)
    if duplicate is not None:
        raise BadFile("rules", f"Two rules are named “{duplicate[:80]}”.")
    return settings, drafts


def _refuse_unknown(place: str, found: Mapping[str, Any], known: set[str]) -> None:
    unknown = next((name for name in found if name not in known), None)
    if unknown is not None:
        raise BadFile(f"{place}{unknown[:60]}", "There is no such setting.")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
