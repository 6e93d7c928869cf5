"""The app roles of the registration in Entra, in the form of its manifest ("Azure AD app manifest", appRoles)."""

from __future__ import annotations

import json
import uuid

from syncapp.models.person import Role

# Ids are the same everywhere, so that a role entered twice remains one role.
_IDS = uuid.UUID("5d9a3a52-3f2d-4d5b-9f53-6f1c6b6a2b1e")
DESCRIPTIONS = {
    Role.VIEWER: "See edits, filters and the activity log; change nothing.",
    Role.REVIEWER: "Approve, correct and reject edits.",
    Role.FILTER_MANAGER: "Switch Outlook synchronization filters.",
    Role.ADMINISTRATOR: "Change settings, people and the connection.",
}


def app_roles() -> list[dict[str, object]]:
    """Return the `appRoles` of the manifest; the values are those that the portal knows."""
    return [
        {
            "id": str(uuid.uuid5(_IDS, role.value)),
            "allowedMemberTypes": ["User"],
            "displayName": role.value,
            "description": DESCRIPTIONS[role],
            "isEnabled": True,
            "value": role.value,
        }
        for role in Role
    ]


def manifest() -> str:
    """Return the part of the manifest to paste."""
    return json.dumps({"appRoles": app_roles()}, indent=2)
