"""The stored content or state of a rule, in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress

from syncapp.mirror import columns
from syncapp.models import CrmUser
from syncapp.models.mirror.change_kind import ChangeKind
from syncapp.models.review.rule import RuleOutcome, RuleState
from syncapp.review import reasons

_NAMES = {"columns": "fields", "kinds": "kinds of change", "reason_code": "reason", "reason": "explanation"}


def in_words(stored: str | None) -> str | None:
    """Return JSON from `rules/editing.py` as "name: …; fields: …", without empty values."""
    content = None
    with suppress(ValueError):
        content = json.loads(stored or "")
    if not isinstance(content, dict):
        return stored
    editors = CrmUser.objects.filter(pk__in=content.get("editors", ())).values_list("pk", "name")
    known: Mapping[str, Mapping[str, str]] = {
        "columns": columns.labels("contact"),
        "editors": {str(pk): name for pk, name in editors} if content.get("editors") else {},
        "kinds": dict(ChangeKind.choices),
        "outcome": dict(RuleOutcome.choices),
        "state": dict(RuleState.choices),
        "reason_code": reasons.options(),
    }
    parts = []
    for name, value in content.items():
        values = value if isinstance(value, list) else [value]
        words = ", ".join(known.get(name, {}).get(each, str(each)) for each in values)
        if words:
            parts.append(f"{_NAMES.get(name, name)}: {words}")
    return "; ".join(parts)
