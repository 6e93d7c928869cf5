"""A company's environment before the portal is set up: without anything named osync_*."""

from __future__ import annotations

from dataverse_sandbox import config, customization, plugin
from dataverse_sandbox.catalog import CONTACT, SYNC_FIELD, SYNC_RECORD, current
from dataverse_sandbox.store import Transaction

PREFIX = "osync_"
_COMPANYS_PREFIX = "contoso"


def strip(transaction: Transaction) -> None:
    """Remove the staging tables, the contact's own columns, the plug-in's step and the staging solution.

    The plug-in works again once its tables are created, as if it were deployed together with them.
    """
    connection = transaction.connection
    for table in (SYNC_FIELD, SYNC_RECORD):
        customization.drop_table(transaction, table)
    for statement, parameters in (
        ("DELETE FROM roleprivileges WHERE privilegeid NOT IN (SELECT privilegeid FROM privilege)", ()),
        ("DELETE FROM sdkmessageprocessingstep WHERE sdkmessageprocessingstepid = ?", (plugin.STEP_ID,)),
        ("DELETE FROM solution WHERE solutionid = ?", (config.fixed_id("solution", "OutlookSync"),)),
        ("UPDATE publisher SET customizationprefix = ?", (_COMPANYS_PREFIX,)),
    ):
        connection.execute(statement, parameters)
    for column in [column for column in CONTACT.columns if column.name.startswith(PREFIX)]:
        customization.drop_column(transaction, current().by_name[CONTACT.name], column)
