"""T-SQL with which an administrator of an on-premises CRM's database switches filters.

Writing to the CRM's database is unsupported, and the portal never runs the script. Unlike scripts found online, this
one first saves the rows that it will switch, switches no others, checks the counts, and comes with its inverse.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES
from syncapp.sync_filters.table_names import TYPE_CODES

ON, OFF = (0, 1), (1, 2)  # StateCode and StatusCode (table reference "Saved View (UserQuery)")
OUTLOOK_FILTER = 256
_DATABASE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ .-]{0,99}")
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


@dataclass(frozen=True, slots=True)
class ScriptSpec:
    """The filters to switch: those of `tables` that belong to these users, given by logon name, or to all if empty.

    `saved` is the name of the table in which the script saves the rows for its inverse; `expect` is the exact number of
    rows to switch.
    Raises ValueError for names that are not safe in SQL.
    """

    on: bool
    saved: str
    tables: tuple[str, ...] = APPOINTMENT_TABLES
    users: tuple[str, ...] = ()
    database: str = ""
    expect: int | None = None

    def __post_init__(self) -> None:
        if not _PLAIN_NAME.fullmatch(self.saved):
            raise ValueError("The name of the table of saved rows may contain only letters, digits and _.")
        if self.database and not _DATABASE_NAME.fullmatch(self.database):
            raise ValueError("The name of the database may contain only letters, digits, spaces, _, - and a period.")
        if self.expect is not None and self.expect < 0:
            raise ValueError("The expected number of filters must be 0 or more.")

    @property
    def before(self) -> tuple[int, int]:
        """Return the StateCode and StatusCode of the rows to switch."""
        return OFF if self.on else ON

    @property
    def after(self) -> tuple[int, int]:
        """Return the StateCode and StatusCode that the rows are set to."""
        return ON if self.on else OFF


def switching_script(spec: ScriptSpec) -> str:
    """Return the script that saves the rows, switches them, and commits only if the counts agree."""
    who = f"{len(set(spec.users)):,} users" if spec.users else "ALL USERS"
    comments = [f"Switches {'ON' if spec.on else 'OFF'} the Outlook filters of {who} for: {', '.join(spec.tables)}."]
    codes = ", ".join(str(TYPE_CODES[table]) for table in spec.tables)
    rows = [f"QueryType = {OUTLOOK_FILTER}", f"ReturnedTypeCode IN ({codes})", f"StateCode = {spec.before[0]}"]
    # Conditions for committing besides equal counts: the expected number, and no unknown user.
    extra_conditions = ""
    if spec.expect is not None:
        comments.append(f"It changes nothing unless exactly {spec.expect} filters are switched.")
        extra_conditions += f" AND @changed = {spec.expect}"
    if spec.on:
        comments.append(
            "Filters that their owners had switched off themselves are switched on too; the inverse is exact."
        )
    if spec.users:
        # Doubling the quotes is all the escaping that a T-SQL string literal needs.
        names = ", ".join("N'" + name.replace("'", "''") + "'" for name in dict.fromkeys(spec.users))
        from_users = f"FROM dbo.SystemUserBase WHERE DomainName IN ({names})"
        rows.append(f"OwnerId IN (SELECT SystemUserId {from_users})")
        extra_conditions += f" AND (SELECT COUNT(*) {from_users}) = {len(set(spec.users))}"
    conditions = "\n  AND ".join(rows)
    return _transaction(
        comments=comments,
        save_statement=f"""\
SELECT UserQueryId, StateCode, StatusCode
INTO dbo.{spec.saved}
FROM dbo.UserQueryBase WITH (UPDLOCK, HOLDLOCK)
WHERE {conditions};

""",
        expected=f"SELECT COUNT(*) FROM dbo.{spec.saved}",
        assignments=_assignments(*spec.after),
        rows=f"UserQueryId IN (SELECT UserQueryId FROM dbo.{spec.saved})",
        extra_conditions=extra_conditions,
        database=spec.database,
    )


def inverse_script(spec: ScriptSpec) -> str:
    """Return the script that restores the saved states, except on rows that have been changed since."""
    state, status = spec.after
    saved = f"UserQueryId IN (SELECT UserQueryId FROM dbo.{spec.saved})"
    rows = f"StateCode = {state} AND StatusCode = {status} AND {saved}"
    comments = [
        f"Restores the states of the filters that are saved in dbo.{spec.saved}.",
        "Filters changed since then are not touched. Drop the table when it is no longer needed.",
    ]
    return _transaction(
        comments=comments,
        expected=f"SELECT COUNT(*) FROM dbo.UserQueryBase WHERE {rows}",
        assignments=_assignments(_saved_value("StateCode", spec), _saved_value("StatusCode", spec)),
        rows=rows,
        database=spec.database,
    )


def _transaction(
    *,
    comments: Sequence[str],
    expected: str,
    assignments: str,
    rows: str,
    database: str,
    save_statement: str = "",
    extra_conditions: str = "",
) -> str:
    if database:
        instruction = f"It runs in the organization's database {database}."
        use_statement = f"USE [{database}];\n"
    else:
        instruction = "Run it in the organization's database (named like Contoso_MSCRM), not in MSCRM_CONFIG or master."
        use_statement = ""
    comment = "\n".join(f"-- {line}" for line in [*comments, instruction, *_UNSUPPORTED])
    return f"""\
{comment}
{use_statement}SET XACT_ABORT ON;
BEGIN TRANSACTION;

{save_statement}DECLARE @expected INT = ({expected});

UPDATE dbo.UserQueryBase
SET {assignments}
WHERE {rows};

DECLARE @changed INT = @@ROWCOUNT;

IF @changed = @expected{extra_conditions}
BEGIN
  COMMIT TRANSACTION;
  SELECT @changed AS FiltersSwitched;
END;

IF @@TRANCOUNT > 0
BEGIN
  ROLLBACK TRANSACTION;
  RAISERROR(N'Nothing was changed: the rows or the users are not those that were expected.', 16, 1);
END;
"""


_UNSUPPORTED = (
    "Writing to the CRM's database is not supported by Microsoft. Take a backup, try it on a copy first,",
    "and run it while no one else changes filters. Items that a user's filters no longer select disappear from that",
    "user's Outlook. If a meeting disappears from its organizer's calendar, the attendees may receive cancellations.",
)


def _assignments(state: object, status: object) -> str:
    return f"StateCode = {state}, StatusCode = {status}"


def _saved_value(column: str, spec: ScriptSpec) -> str:
    return f"(SELECT s.{column} FROM dbo.{spec.saved} AS s WHERE s.UserQueryId = dbo.UserQueryBase.UserQueryId)"
