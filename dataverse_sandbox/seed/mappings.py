"""The attribute mappings of contacts, all in both directions as in a new environment."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from dataverse_sandbox import config
from dataverse_sandbox.attribute_mappings import ADDRESSES, COLUMNS, FIXED, mapping_id
from dataverse_sandbox.catalog import CONTACT, MAPPING, MAPPING_PROFILE, Table
from dataverse_sandbox.catalog.mappings import BIDIRECTIONAL
from dataverse_sandbox.seed.material import row
from dataverse_sandbox.store import Row

_PROFILE = config.fixed_id("syncattributemappingprofile", "default")


def mappings(moment: datetime.datetime) -> Iterator[tuple[Table, Row]]:
    yield MAPPING_PROFILE, row(MAPPING_PROFILE, moment, {"syncattributemappingprofileid": _PROFILE, "name": "Default"})
    for name in (*FIXED, *COLUMNS, *ADDRESSES):
        label = CONTACT.by_name[name].label if name in CONTACT.by_name else f"Address {name[-1]}"
        values: Row = {
            "syncattributemappingid": mapping_id(name),
            "mappingname": label,
            "entitytypecode": CONTACT.name,
            "attributecrmname": name,
            "syncdirection": BIDIRECTIONAL,
            "defaultsyncdirection": BIDIRECTIONAL,
            "iscomputed": int(name in ADDRESSES),
            "syncattributemappingprofileid": _PROFILE,
        }
        yield MAPPING, row(MAPPING, moment, values)
