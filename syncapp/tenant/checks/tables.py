"""Checks of tables and columns: whether they exist, can be read, and have the type that the portal needs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from syncapp.capture.columns import OUTLOOK_COLUMNS
from syncapp.crm.errors import CrmError, Forbidden, NotFound
from syncapp.crm.names import Names
from syncapp.tenant import schema
from syncapp.tenant.checks.context import Context
from syncapp.tenant.checks.findings import EVERYTHING, FILTERS, REVIEW, Answer, Check, Level, not_asked, ok
from syncapp.tenant.checks.words import abbreviated, answer_text
from syncapp.tenant.schema import TableSpec

GROUP = "Tables and columns"
SETUP = "python manage.py crm_setup"
_CREATE = (
    "Create them. The command first shows a plan, and asks you to sign in with your own account. The portal never gets "
    "the right to customize the CRM."
)


def staging_tables(context: Context) -> Answer:
    """Look for the staging tables under the entity set names that the portal reads."""
    specs = schema.staging_schema(context.names).tables
    missing, renamed = [], []
    for spec in specs:
        try:
            found = context.table(spec.name)
        except NotFound as error:
            missing.append((spec, answer_text(error)))
            continue
        if found.set_name != spec.set_name:
            renamed.append(f"{spec.name} is read as {found.set_name}, not {spec.set_name}")
    if missing:
        answer = f"{', '.join(spec.name for spec, _ in missing)} not found ({missing[0][1]})"
        meaning = (
            "Edits from Outlook cannot be kept until someone decides them, so nothing can be reviewed. "
            "Filters do not need these tables."
        )
        return Answer(Level.FAILED, answer, meaning, _CREATE, fix="Create the staging tables", command=SETUP)
    if renamed:
        meaning = "The portal reads the staging tables under names that they do not have, so nothing can be reviewed."
        remedy = "Correct record_set and field_set in CRM_NAMES."
        return Answer(Level.FAILED, "; ".join(renamed), meaning, remedy, fix="Correct the names of the staging tables")
    return ok(f"{' and '.join(spec.name for spec in specs)} exist", "Edits from Outlook can be kept for review.")


def staging_columns(spec: TableSpec, context: Context) -> Answer:
    """Compare the columns of a staging table with those that the portal needs."""
    tried = f"Read the columns of {spec.name}"
    try:
        context.table(spec.name)
    except NotFound:
        remedy = "Create the staging tables first."
        return not_asked("not checked: the table does not exist yet", "It is checked once the table exists.", remedy)
    found = context.columns(spec.name)
    missing = [column.name for column in schema.missing_columns(spec, tuple(found.values()))]
    differing = [
        f"{column.name}: {' '.join(sentences)}"
        for column in spec.columns
        if column.name in found and (sentences := schema.differences(column, found[column.name]))
    ]
    total = len(spec.columns)
    if not missing and not differing:
        answer = f"{total} of {total} columns have the type that the portal needs"
        return ok(
            answer,
            "Edits can be read and marked as decided.",
            items=[column.name for column in spec.columns],
            tried=tried,
        )
    parts = [f"missing: {abbreviated(missing)}"] if missing else []
    answer = "; ".join([f"{total - len(missing) - len(differing)} of {total}", *parts, *differing])
    meaning = "Edits cannot be read, or cannot be marked as decided, so nothing can be reviewed."
    remedy = "Add the columns, or set their names in CRM_NAMES. The command first shows what is missing."
    fix = f"Correct the columns of {spec.name}"
    return Answer(Level.FAILED, answer, meaning, remedy, tried, fix, SETUP, items=(*missing, *differing))


def contact_columns(context: Context) -> Answer:
    """Compare the contact's columns with those that Outlook synchronizes."""
    found = context.columns("contact")
    wanted = OUTLOOK_COLUMNS
    missing = [name for name in wanted if name not in found]
    if not missing:
        return ok(f"{len(wanted)} of {len(wanted)} found", "Edits to every synchronized column can be reviewed.")
    answer = f"{len(wanted) - len(missing)} of {len(wanted)}, missing: {abbreviated(missing)}"
    meaning = "Edits to these columns are not detected. The others are not affected."
    remedy = "Nothing, unless people use these columns. In that case, add them in the CRM."
    return Answer(Level.WARNING, answer, meaning, remedy, items=tuple(missing))


def revision_column(context: Context) -> Answer:
    """Look for the revision column, which forms and programs increase and Outlook does not."""
    spec = schema.staging_schema(context.names).revision
    if spec is None:
        meaning = "No such column is read or written. Outlook edits are recognized by their signing user."
        return ok("not used", meaning, tried="Looked for a name in CRM_NAMES")
    found = context.columns("contact").get(spec.name)
    if found is None:
        meaning = "It is read with every contact and written with every approval, and the CRM refuses both."
        remedy = 'Create it, or do without it: CRM_NAMES={"contact_revision": ""}. The command first shows a plan.'
        return Answer(
            Level.FAILED,
            f"contact has no {spec.name}",
            meaning,
            remedy,
            fix="Create the revision column",
            command=SETUP,
        )
    if sentences := schema.differences(spec, found):
        meaning = "Approved values cannot be written."
        remedy = 'Use another column, or none: CRM_NAMES={"contact_revision": ""}.'
        return Answer(
            Level.FAILED, f"{spec.name}: {' '.join(sentences)}", meaning, remedy, fix="Replace the revision column"
        )
    return ok(f"{spec.name} exists", "Edits made in forms can be distinguished from those made in Outlook.")


def readable(read: Callable[[Context], int], meaning: str, context: Context) -> Answer:
    """Read a few rows of a table."""
    try:
        number = read(context)
    except (Forbidden, NotFound) as error:
        remedy = "See the privileges below."
        return Answer(Level.FAILED, answer_text(error), meaning, remedy, fix="Allow the portal to read it")
    except CrmError as error:
        if error.is_transient:
            raise
        return Answer(Level.FAILED, answer_text(error), meaning, "Ask the CRM’s administrator why it is refused.")
    return ok(f"readable, {number} read", "The portal can read it.")


_READS: tuple[tuple[str, str, Callable[[Context], int], str], ...] = (
    (
        "organization",
        "Organization",
        lambda c: int(bool(c.crm.directory.organization())),
        "The CRM’s settings are not known.",
    ),
    ("systemuser", "Users", lambda c: len(c.crm.directory.users(page_size=5).rows), "The Filters pages show no users."),
    ("team", "Teams", lambda c: len(c.crm.directory.teams(page_size=5).rows), "Users cannot be chosen by team."),
    (
        "businessunit",
        "Business units",
        lambda c: len(c.crm.directory.business_units(page_size=5).rows),
        "Users cannot be chosen by business unit.",
    ),
    (
        "mailbox",
        "Mailboxes",
        lambda c: len(c.crm.directory.mailboxes(page_size=5).rows),
        "It is not known how each user synchronizes, so the effect of switching filters is not known either.",
    ),
    (
        "savedquery",
        "System filters",
        lambda c: len(c.crm.filters.system_filters()),
        "Filters that apply to all users are not shown.",
    ),
)


def checks(names: Names) -> tuple[Check, ...]:
    """Return the checks of all tables, with the staging tables' names."""
    tables = schema.staging_schema(names).tables
    return (
        Check("staging-tables", "Staging tables", GROUP, "Read the definitions", staging_tables, (REVIEW,)),
        *(
            Check(
                f"columns.{spec.name}", spec.plural_label, GROUP, "Nothing", partial(staging_columns, spec), (REVIEW,)
            )
            for spec in tables
        ),
        Check("contact-columns", "Contact columns", GROUP, "Read the columns of contact", contact_columns, (REVIEW,)),
        Check("revision-column", "Revision column", GROUP, "Read the columns of contact", revision_column, (REVIEW,)),
        *(
            Check(
                f"table.{table}",
                name,
                GROUP,
                f"Read some rows of {table}",
                partial(readable, read, meaning),
                EVERYTHING if table == "organization" else (FILTERS,),
            )
            for table, name, read, meaning in _READS
        ),
    )
