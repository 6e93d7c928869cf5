"""Checks of table settings in the CRM: change tracking, row versions, and the alternate key."""

from __future__ import annotations

from functools import partial

from syncapp.crm.errors import NotFound
from syncapp.crm.names import Names
from syncapp.tenant import schema
from syncapp.tenant.checks.context import Context
from syncapp.tenant.checks.findings import FILTERS, REVIEW, Answer, Check, Level, not_asked, ok
from syncapp.tenant.checks.tables import SETUP
from syncapp.tenant.privileges import Purpose

GROUP = "Change tracking and auditing"
_FIRST = "Create the staging tables first."
_NOT_THERE = "not checked: the table does not exist yet"


def tracking(table: str, context: Context) -> Answer:
    """Check whether the CRM tracks changes to a staging table, which the pull reads through delta links."""
    try:
        found = context.table(table)
    except NotFound:
        return not_asked(_NOT_THERE, "It is checked once the table exists. crm_setup turns it on.", _FIRST)
    if found.tracks_changes:
        return ok("on", "The portal reads only what changed.")
    meaning = "The CRM does not report changes to this table, so no edit is read."
    remedy = "Turn on “Track changes” for the table. It cannot be turned off again."
    return Answer(Level.FAILED, "off", meaning, remedy, fix=f"Track changes to {table}", command=SETUP)


def versions(table: str, level: Level, meaning: str, context: Context) -> Answer:
    """Check whether the CRM refuses a write when the row has changed in the meantime."""
    try:
        found = context.table(table)
    except NotFound:
        return not_asked(_NOT_THERE, "It is checked once the table exists.", _FIRST)
    if found.keeps_versions:
        return ok("kept", "The CRM refuses a write if the row has changed in the meantime.")
    remedy = "Turn on optimistic concurrency for the table (IsOptimisticConcurrencyEnabled)."
    return Answer(level, "not kept", meaning, remedy, fix=f"Keep versions of {table}")


def alternate_key(context: Context) -> Answer:
    """Read the alternate key, which prevents two rows for an edit that is staged twice."""
    spec = schema.staging_schema(context.names).records
    try:
        keys = context.crm.metadata.keys(spec.name)
    except NotFound:
        return not_asked(_NOT_THERE, "It is checked once the table exists.", _FIRST)
    columns = spec.keys[0].columns
    found = next((key for key in keys if set(key.columns) == set(columns)), None)
    if found is not None and found.is_enforced:
        return ok(f"{found.name} is active", "An edit that is staged twice becomes one row.")
    meaning = "An edit can be staged twice, and then has to be decided twice."
    if found is None:
        remedy = "Create it. The command first shows a plan."
        return Answer(
            Level.FAILED,
            f"no key on {', '.join(columns)}",
            meaning,
            remedy,
            fix="Create the alternate key",
            command=SETUP,
        )
    if found.index_status == "Failed":
        remedy = "Remove rows with the same value, then reactivate the key."
        return Answer(Level.FAILED, "its index could not be built", meaning, remedy, fix="Reactivate the alternate key")
    remedy = "Wait until the CRM has built the index, then check again."
    return Answer(Level.WARNING, f"its index is not built yet ({found.index_status})", meaning, remedy)


_STALE = "Two writes at once could overwrite each other, so the portal writes nothing."


def checks(names: Names) -> tuple[Check, ...]:
    """Return the checks of these settings, with the staging tables' names."""
    records, fields = names.record_table, names.field_table
    versioned: tuple[tuple[str, Level, str, tuple[Purpose, ...]], ...] = (
        ("contact", Level.FAILED, _STALE, (REVIEW,)),
        (records, Level.FAILED, _STALE, (REVIEW,)),
        (fields, Level.FAILED, _STALE, (REVIEW,)),
        (
            "userquery",
            Level.WARNING,
            "Instead, filters are compared right before they are written. A change in between is overwritten.",
            (FILTERS,),
        ),
    )
    return (
        *(
            Check(
                f"tracking.{table}",
                f"Change tracking of {table}",
                GROUP,
                f"Read the settings of {table}",
                partial(tracking, table),
                (REVIEW,),
            )
            for table in (records, fields)
        ),
        *(
            Check(
                f"versions.{table}",
                f"Versions of {table}",
                GROUP,
                f"Read the settings of {table}",
                partial(versions, table, level, meaning),
                purposes,
            )
            for table, level, meaning, purposes in versioned
        ),
        Check("alternate-key", "Alternate key", GROUP, f"Read the keys of {records}", alternate_key, (REVIEW,)),
    )
