"""The common parts of definitions: ids, labels, managed properties."""

from __future__ import annotations

import uuid

Item = dict[str, object]
TYPE = "@odata.type"
NAMESPACE = "Microsoft.Dynamics.CRM"
INTRODUCED = "9.0.0.0"
_IDS = uuid.UUID("6f1d2a34-9d0c-4b43-9b2f-0d1e2f3a4b5c")


def metadata_id(*names: str) -> str:
    return str(uuid.uuid5(_IDS, ".".join(names)))


def label(text: str) -> Item:
    """Return a Label; without text it has no languages."""
    if not text:
        return {"LocalizedLabels": [], "UserLocalizedLabel": None}
    own = {
        "Label": text,
        "LanguageCode": 1033,
        "IsManaged": True,
        "MetadataId": metadata_id("label", text),
        "HasChanged": None,
    }
    return {"LocalizedLabels": [own], "UserLocalizedLabel": own}


def managed(name: str, value: object = True, *, can_be_changed: bool = True) -> Item:
    """Return a managed property, boolean or of another type."""
    return {"Value": value, "CanBeChanged": can_be_changed, "ManagedPropertyLogicalName": name}
