"""The staging tables: one row per Outlook edit, and one per changed field."""

from __future__ import annotations

from dataclasses import replace

from dataverse_sandbox.catalog.columns import (
    AlternateKey,
    Column,
    Kind,
    Table,
    choice,
    lookup,
    memo,
    state_columns,
    system_columns,
    text,
    yes_no,
)

PENDING, APPROVED, REJECTED, SUPERSEDED = range(410_000_000, 410_000_004)

SYNC_RECORD = Table(
    name="osync_syncrecord",
    schema_name="osync_SyncRecord",
    privilege="osync_SyncRecord",
    is_custom=True,
    indexes=("osync_editedon", "modifiedon"),
    set_name="osync_syncrecords",
    label="Sync Record",
    plural_label="Sync Records",
    object_type_code=10_101,
    primary_name="osync_name",
    columns=(
        *system_columns("osync_syncrecordid", "Sync Record"),
        text("osync_name", "Name", 200),
        lookup("osync_contact", "Contact", "contact", contact="osync_contact_osync_syncrecord"),
        text("osync_targettable", "Target Table", 100),
        text("osync_targetid", "Target Id", 100),
        lookup("osync_editor", "Edited By", "systemuser"),
        Column("osync_editedon", Kind.DATE_TIME, "Edited On"),
        text("osync_operationid", "Operation Id", 100),
        text("osync_source", "Source", 100),
        # A row without a value counts as restored.
        replace(yes_no("osync_restored", "Restored", no="No", yes="Yes"), default=1),
        lookup("ownerid", "Owner", "systemuser"),
        *state_columns("Active", "Inactive", active_status="Awaiting review", inactive_status="Reviewed"),
    ),
    alternate_keys=(AlternateKey(("osync_operationid",), "osync_operation", "Operation"),),
)
SYNC_FIELD = Table(
    name="osync_syncfield",
    schema_name="osync_SyncField",
    privilege="osync_SyncField",
    is_custom=True,
    set_name="osync_syncfields",
    label="Sync Field",
    plural_label="Sync Fields",
    object_type_code=10_102,
    primary_name="osync_name",
    columns=(
        *system_columns("osync_syncfieldid", "Sync Field"),
        text("osync_name", "Name", 200),
        lookup(
            "osync_syncrecord",
            "Sync Record",
            "osync_syncrecord",
            on_delete="cascade",
            osync_syncrecord="osync_syncrecord_osync_syncfield",
        ),
        memo("osync_originalvalue", "Original Value"),
        memo("osync_proposedvalue", "Proposed Value"),
        memo("osync_originallabel", "Original Label"),
        memo("osync_proposedlabel", "Proposed Label"),
        choice(
            "osync_decision",
            "Decision",
            *("Pending", "Approved", "Rejected", "Superseded"),
            first=PENDING,
            default=PENDING,
        ),
        text("osync_decisionid", "Decision Id", 100),
        memo("osync_appliedvalue", "Applied Value"),
        text("osync_decidedby", "Decided By", 200),
        Column("osync_decidedon", Kind.DATE_TIME, "Decided On"),
        memo("osync_reason", "Reason", 4_000),
        lookup("ownerid", "Owner", "systemuser"),
        *state_columns("Active", "Inactive", active_status="Open", inactive_status="Decided"),
    ),
)
