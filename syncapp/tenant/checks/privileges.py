"""Checks of privileges: one for each that the portal needs, and one for those that it does not need."""

from __future__ import annotations

from functools import partial

from syncapp.crm.errors import Forbidden, NotFound
from syncapp.crm.names import Names
from syncapp.tenant import privileges
from syncapp.tenant.checks.context import Context
from syncapp.tenant.checks.findings import Answer, Check, Level, not_asked, ok
from syncapp.tenant.checks.words import abbreviated
from syncapp.tenant.privileges import ORGANIZATION, Privilege

GROUP = "Privileges"
MORE = "privileges.more"
_TRIED = "RetrieveUserPrivileges"
_PATH = ("Power Platform admin center", "Environments", "Settings", "Users + permissions", "Security roles")


def check_id(privilege: Privilege) -> str:
    """Return the id of the check of one privilege."""
    return f"privilege.{privilege.key}"


def held(privilege: Privilege, context: Context) -> Answer:
    """Check that a privilege is held, and for the whole organization."""
    try:
        level = context.held().get(privilege.key)
    except Forbidden as error:
        # Without Read on User, our own privileges cannot be listed; the refusal names the missing privilege.
        if privilege.key not in error.message.lower():
            raise
        level = None
        has_replacement = False
    else:
        has_replacement = bool(privilege.instead) and context.held().get(privilege.instead.lower()) == ORGANIZATION
    if level == ORGANIZATION:
        return ok("held, for the whole organization", f"Needed to {privilege.reason}.")
    if level is None and _table_is_missing(privilege, context):
        meaning = "The privilege exists as soon as the table does."
        return not_asked(
            "not checked: the table does not exist yet", meaning, "Create the staging tables first.", tried=_TRIED
        )
    answer = "not held" if level is None else f"held, but only at the level {level}"
    meaning = f"The portal cannot {privilege.reason}."
    remedy = f"Add {privilege.title} ({privilege.name}) to the portal’s role, for the whole organization:"
    if has_replacement:
        meaning = f"Without it, the portal uses {privilege.instead} to {privilege.reason}, which is slower."
    is_needed = privilege.required and not has_replacement
    fix = f"Allow the portal to {privilege.reason}"
    return Answer(
        Level.FAILED if is_needed else Level.WARNING, answer, meaning, remedy, fix=fix, path=(*_PATH, privilege.title)
    )


def _table_is_missing(privilege: Privilege, context: Context) -> bool:
    for table in (context.names.record_table, context.names.field_table):
        if privilege.key.endswith(table.lower()):
            try:
                context.table(table)
            except NotFound:
                return True
    return False


def more_than_needed(context: Context) -> Answer:
    """List the held privileges that the portal does not use and that could change or delete data."""
    names = [privilege.name for privilege in context.held_privileges()]
    found = privileges.not_needed(names, context.names)
    others = len(names) - len(found)
    if not found:
        return ok(f"none; {others} privileges are held", "The role allows no changes that the portal does not make.")
    meaning = "The portal never uses them. Your security team may ask why it has them."
    answer = f"{len(found)} that the portal does not use: {abbreviated(found)}"
    remedy = (
        "Give the application user only a role with the privileges above, such as the one that crm_setup creates, and "
        "remove its other roles. Everything keeps working."
    )
    return Answer(Level.WARNING, answer, meaning, remedy, items=found)


def checks(names: Names) -> tuple[Check, ...]:
    """Return the checks of all privileges, with the staging tables' names."""
    return (
        *(
            Check(check_id(each), each.title, GROUP, _TRIED, partial(held, each), each.purposes)
            for each in privileges.needed(names)
        ),
        Check(MORE, "More than needed", GROUP, _TRIED, more_than_needed),
    )
