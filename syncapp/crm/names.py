"""Names of the CRM's staging tables and their columns.

The defaults are the names of our own staging tables. A company that already has staging tables sets CRM_NAMES.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

# Logical and set names become part of URLs.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_OPTIONAL = frozenset({"contact_revision", "record_source", "record_restored"})


@dataclass(frozen=True, slots=True)
class Names:
    """Table, set and column names; a lookup has its logical name (`osync_contact`).

    `contact_revision`, `record_source` and `record_restored` may be empty: the tables then have no such column, so
    nothing reads or writes it.
    """

    record_table: str = "osync_syncrecord"
    record_set: str = "osync_syncrecords"
    record_id: str = "osync_syncrecordid"
    record_name: str = "osync_name"
    record_contact: str = "osync_contact"
    record_target_table: str = "osync_targettable"
    record_target_id: str = "osync_targetid"
    record_editor: str = "osync_editor"
    record_edited_on: str = "osync_editedon"
    record_operation_id: str = "osync_operationid"
    record_source: str = "osync_source"
    record_restored: str = "osync_restored"

    field_table: str = "osync_syncfield"
    field_set: str = "osync_syncfields"
    field_id: str = "osync_syncfieldid"
    field_column: str = "osync_name"
    field_record: str = "osync_syncrecord"
    field_original: str = "osync_originalvalue"
    field_proposed: str = "osync_proposedvalue"
    field_original_label: str = "osync_originallabel"
    field_proposed_label: str = "osync_proposedlabel"
    field_decision: str = "osync_decision"
    field_decision_id: str = "osync_decisionid"
    field_applied: str = "osync_appliedvalue"
    field_decided_by: str = "osync_decidedby"
    field_decided_on: str = "osync_decidedon"
    field_reason: str = "osync_reason"

    contact_revision: str = "osync_revision"

    def __post_init__(self) -> None:
        for field in fields(self):
            is_left_out = field.name in _OPTIONAL and getattr(self, field.name) == ""
            if not is_left_out and not _NAME.fullmatch(str(getattr(self, field.name))):
                raise ValueError(f"{field.name} is not a CRM name: {getattr(self, field.name)!r}")

    @classmethod
    def from_mapping(cls, overrides: Mapping[str, str]) -> Names:
        """Return the defaults with some names replaced. Raises ValueError for an unknown key or an invalid name."""
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(overrides) - known)
        if unknown:
            raise ValueError(f"Unknown CRM names: {', '.join(unknown)}")
        return cls(**overrides)
