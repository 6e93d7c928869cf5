"""Details of entries about settings, people, rules, capture, lists, policies and the connection, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncapp.activity.facts import Facts
from syncapp.mirror import columns
from syncapp.models import AuditEntry
from syncapp.models.capture.entry import Evidence, Source
from syncapp.models.capture.put_back import PutBackResult
from syncapp.models.capture.settings import CaptureColumn, CaptureIdentity, CaptureMode
from syncapp.text.localization import number
from syncapp.web.activity import words

_KINDS_OF_WRITES = {"review": "writing reviewed values", "filters": "switching filters"}
# Details that name the subject, or are shown elsewhere in the row.
_SAID_ELSEWHERE = frozenset(
    {"fields", "message", "method", "on", "person", "restores", "rule", "run", "setting", "tables"}
)


def notes(entry: AuditEntry, related: Facts) -> list[str]:
    """Return the details as phrases; an unknown detail is shown under its name."""
    details = entry.details
    if "gate" in details:
        return [words.breaker(str(details["gate"]))]
    if entry.action == "person.signed_in":
        return ["as " + (", ".join(sorted(map(words.role, details.get("roles", [])))) or "no role")]
    if entry.action.startswith("capture."):
        user = related.user(entry)
        return [*_capture_notes(entry.action.removeprefix("capture."), details), user.name if user else ""]
    if entry.action == "connection.writes":
        kind = _KINDS_OF_WRITES.get(str(details.get("kind")), str(details.get("kind")))
        return [f"{kind}: {'on' if details.get('allowed') else 'off'}"]
    if entry.action == "connection.first_contact":
        return ["writing is on" if details.get("writes") else "read-only"]
    if entry.action == "connection.checked":
        return ["with test writes" if details.get("writes") else "without test writes"]
    if entry.action.startswith("selection."):
        return [_phrase("entries", details.get("contacts", 0))]  # counts edits, whatever its name says
    if entry.action == "rule.simulated":
        examined, decided, differing = (int(details.get(each) or 0) for each in ("looked_at", "decided", "differently"))
        return [
            f"{number(examined)} past decision{'' if examined == 1 else 's'} examined",
            f"would have decided {number(decided)}",
            f"{number(differing)} differently than people did" if decided else "",
        ]
    return [_phrase(name, value) for name, value in details.items() if name not in _SAID_ELSEWHERE]


def _capture_notes(action: str, details: Mapping[str, Any]) -> list[str]:
    found = []
    if "source" in details:
        found.append(_label(Source, details["source"]))
    if action.startswith("identity_"):
        found.append(_label(CaptureIdentity.Kind, details.get("kind")))
    if action == "switched_on":
        found.append("pilot of one team" if details.get("pilot") else "everyone’s edits")
    if action == "handling":
        column = str(details.get("column", ""))
        handling = _label(CaptureColumn.Handling, details.get("handling")).lower()
        found.append(f"{columns.label('contact', column)}: {handling}")
    if action == "limit":
        before, after = (number(int(details.get(name) or 0)) for name in ("before", "after"))
        found.append(f"{before} → {after} restores of one source in 10 minutes")
    if action == "resumed":
        found.append(f"was: {_label(CaptureMode, details.get('before')).lower()}")
    if details.get("brake"):
        found.append(words.brake(str(details["brake"])))
    if "evidence" in details:
        evidence = _label(Evidence, details["evidence"])
        found.append(evidence[:1].lower() + evidence[1:])
    if action == "put_back_ended":
        return [f"{number(int(details[each]))} {each.label.lower()}" for each in PutBackResult if details.get(each)]
    return found + [_phrase(name, details[name]) for name in ("entries", "fields", "contacts") if name in details]


# Nouns for numbers, singular and plural.
_COUNTED = {
    "users": ("user", "users"),
    "fields": ("field", "fields"),
    "contacts": ("contact", "contacts"),
    "entries": ("edit", "edits"),
    "lines": ("entry", "entries"),
    "unmatched": ("unmatched", "unmatched"),
    "reversed": ("decision reversed by people", "decisions reversed by people"),
}


def _phrase(name: str, value: Any) -> str:
    """Return "512 users", or "name: value" for a detail without a noun."""
    if name in _COUNTED and isinstance(value, int):
        return f"{number(value)} {_COUNTED[name][value != 1]}"
    if name == "answered":
        return "after an answer" if value else ""
    if isinstance(value, bool):
        value = "on" if value else "off"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"{name.replace('_', ' ')}: {text}"


def _label(choices: Any, code: Any) -> str:
    """Return the label of a choice; an unknown code is shown as it is."""
    return str(dict(choices.choices).get(code, code))
