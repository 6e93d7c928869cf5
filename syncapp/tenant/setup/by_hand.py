"""The list of everything that the setup would create, for a person who creates it by hand or in their own solution."""

from __future__ import annotations

from syncapp.crm.names import Names
from syncapp.crm.staging.records import ColumnType
from syncapp.tenant.privileges import needed
from syncapp.tenant.schema import ColumnSpec, TableSpec, staging_schema
from syncapp.tenant.setup.app_roles import app_roles
from syncapp.tenant.setup.items import OPTION_PREFIX, ROLE
from syncapp.tenant.setup.scripts import form_steps, script_name, script_of

# The names in the maker portal.
_TYPES = {
    ColumnType.TEXT: "Single line of text",
    ColumnType.MEMO: "Multiple lines of text",
    ColumnType.CHOICE: "Choice",
    ColumnType.YES_NO: "Yes/no, default yes",
    ColumnType.INTEGER: "Whole number",
    ColumnType.DATE_TIME: "Date and time (user local)",
    ColumnType.LOOKUP: "Lookup",
}
_INTRO = """# What the Outlook Sync Portal needs in the CRM

Schema names have to be exactly these, in lower case, and logical names are then the same; labels may be translated.
The tables may be part of a managed or an unmanaged solution. `manage.py crm_check` says what is still missing.
"""


def export(names: Names) -> str:
    """Return the list as Markdown: tables, revision column, role, app roles."""
    schema = staging_schema(names)
    parts = [_INTRO, _publisher(schema.prefix), *(_table(table) for table in schema.tables)]
    if schema.revision:
        parts.append(
            f"## Column of the contact table (optional)\n\n{_HEAD}{_row(schema.revision)}\n\n"
            'Without it, set `CRM_NAMES` so that `contact_revision` is empty: `{"contact_revision": ""}`.\n'
        )
        parts.append(
            f"### Form script `{script_name(names)}`\n\nA web resource of the type JavaScript. {form_steps(names)}\n\n"
            f"```js\n{script_of(names.contact_revision).decode().strip()}\n```\n"
        )
    roles = "\n".join(f"| `{role['value']}` | {role['description']} |" for role in app_roles())
    heading = "## App roles of the registration in Entra\n\n| Value | Lets people |\n|---|---|"
    return "\n".join([*parts, _role(names), f"{heading}\n{roles}\n"])


_HEAD = "| Logical name | Label | Type | Details | Purpose |\n|---|---|---|---|---|\n"


def _publisher(prefix: str) -> str:
    if not prefix:
        return ""
    return (
        f"## Publisher\n\nPower Apps begins every name with the prefix of the solution’s publisher. Use one with the "
        f"prefix `{prefix}` and the choice value prefix `{OPTION_PREFIX}`. To use a publisher of your own, put names "
        "with its prefix in `CRM_NAMES`, print this list again, and type the values of the choice as listed.\n"
    )


def _table(table: TableSpec) -> str:
    keys = "".join(f"- Alternate key on {', '.join(f'`{name}`' for name in key.columns)}\n" for key in table.keys)
    rows = "\n".join(_row(column) for column in table.columns)
    return (
        f"## Table {table.label} (`{table.name}`)\n\n{table.description}\n\n"
        f"- Plural name {table.plural_label}, set name `{table.set_name}`, id column `{table.id_column}`\n"
        f"- Ownership: user or team\n- Primary column: `{table.primary_name.name}`\n"
        f"- Track changes: on (under Advanced options)\n{keys}\n"
        f"{_HEAD}{rows}\n"
    )


def _row(column: ColumnSpec) -> str:
    details = ""
    if column.options:
        details = "; ".join(f"{value} = {label}" for value, label in column.options)
        details += f"; default: {column.options[0][1]}"
    elif column.target:
        on_delete = "delete with it" if column.is_owned else "remove the link"
        details = f"to `{column.target}`; when that row is deleted: {on_delete}"
    elif column.max_length:
        details = f"at least {column.max_length:,} characters"
    return f"| `{column.name}` | {column.label} | {_TYPES[column.type]} | {details} | {column.description} |"


def _role(names: Names) -> str:
    rows = "\n".join(
        f"| `{one.name}` | {one.title} | {', '.join(one.purposes)} | {'yes' if one.required else 'no'} | {one.reason} |"
        for one in needed(names)
    )
    return (
        f"## Security role {ROLE}\n\nAll privileges at the level Organization. Assign the role to the portal’s "
        "application user.\n\n| Privilege | In the role editor | For | Required | Needed to |\n|---|---|---|---|---|\n"
        f"{rows}\n"
    )
