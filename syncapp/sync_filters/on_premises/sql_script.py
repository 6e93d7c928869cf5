"""T-SQL for the administrator of an on-premises CRM's database who switches filters without the portal.

Writing to the CRM's database is unsupported, and the portal never runs this. The script is careful where the ones that
circulate are not: it remembers what it touches, touches exactly that, counts, and comes with its inverse.
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
class Switch:
    """Filters to switch: those of `tables`, of the users with these logon names, or of all users where none is named.

    `saved` is the name of the table that remembers the rows, `expect` the only number of rows that is switched.
    Raises ValueError for what cannot become safe SQL.
    """

    on: bool
    saved: str
    tables: tuple[str, ...] = APPOINTMENT_TABLES
    users: tuple[str, ...] = ()
    database: str = ""
    expect: int | None = None

    def __post_init__(self) -> None:
        if not _PLAIN_NAME.fullmatch(self.saved):
            raise ValueError("The name of the table that remembers the rows may hold letters, digits and _ only.")
        if self.database and not _DATABASE_NAME.fullmatch(self.database):
            raise ValueError("The name of the database may hold letters, digits, spaces, _, - and . only.")
        if self.expect is not None and self.expect < 0:
            raise ValueError("The number of filters to expect is 0 or more.")

    @property
    def before(self) -> tuple[int, int]:
        """StateCode and StatusCode of the rows that are switched."""
        return OFF if self.on else ON

    @property
    def after(self) -> tuple[int, int]:
        """StateCode and StatusCode that they get."""
        return ON if self.on else OFF


def forward(switch: Switch) -> str:
    """Remember the rows, switch exactly those, and keep it only where the counts agree."""
    return _transaction(
        about=_about(switch),
        remember=f"""\
SELECT UserQueryId, StateCode, StatusCode
INTO dbo.{switch.saved}
FROM dbo.UserQueryBase WITH (UPDLOCK, HOLDLOCK)
WHERE {_rows(switch)};

""",
        expected=f"SELECT COUNT(*) FROM dbo.{switch.saved}",
        assignments=_both(*switch.after),
        rows=f"UserQueryId IN (SELECT UserQueryId FROM dbo.{switch.saved})",
        also=_as_many_as_expected(switch) + _every_user_is_known(switch),
        database=switch.database,
    )


def inverse(switch: Switch) -> str:
    """Put back exactly what was found; rows that somebody changed since are left alone."""
    state, status = switch.after
    saved = f"UserQueryId IN (SELECT UserQueryId FROM dbo.{switch.saved})"
    rows = f"StateCode = {state} AND StatusCode = {status} AND {saved}"
    about = [
        f"Puts the filters that dbo.{switch.saved} remembers back to what they were.",
        "Filters that somebody changed since then are left alone. Drop the table when nobody needs it any more.",
    ]
    return _transaction(
        about=about,
        expected=f"SELECT COUNT(*) FROM dbo.UserQueryBase WHERE {rows}",
        assignments=_both(_remembered("StateCode", switch), _remembered("StatusCode", switch)),
        rows=rows,
        database=switch.database,
    )


def _transaction(
    *,
    about: Sequence[str],
    expected: str,
    assignments: str,
    rows: str,
    database: str,
    remember: str = "",
    also: str = "",
) -> str:
    return f"""\
{_comment([*about, _where(database), *_UNSUPPORTED])}
{_use(database)}SET XACT_ABORT ON;
BEGIN TRANSACTION;

{remember}DECLARE @expected INT = ({expected});

UPDATE dbo.UserQueryBase
SET {assignments}
WHERE {rows};

DECLARE @changed INT = @@ROWCOUNT;

IF @changed = @expected{also}
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


def _where(database: str) -> str:
    if database:
        return f"It runs in the organization's database {database}."
    return "Run it in the organization's database (named like Contoso_MSCRM), not in MSCRM_CONFIG or master."


def _use(database: str) -> str:
    return f"USE [{database}];\n" if database else ""


_UNSUPPORTED = (
    "Writing to the CRM's database is not supported by its maker. Take a backup, try it on a copy first,",
    "and run it while nobody else changes filters. What leaves every filter of a user disappears from that",
    "user's Outlook, and meetings that disappear from their organizer's calendar can send cancellations.",
)


def _about(switch: Switch) -> list[str]:
    who = f"{len(set(switch.users)):,} users" if switch.users else "EVERYBODY"
    word = "ON" if switch.on else "OFF"
    about = [f"Switches {word} the Outlook filters of {who} for: {', '.join(switch.tables)}."]
    if switch.expect is not None:
        about.append(f"It changes nothing unless exactly {switch.expect} filters are switched.")
    if switch.on:
        about.append("Filters that their owners had switched off themselves are switched on too; the inverse is exact.")
    return about


def _comment(lines: Sequence[str]) -> str:
    return "\n".join(f"-- {line}" for line in lines)


def _both(state: object, status: object) -> str:
    return f"StateCode = {state}, StatusCode = {status}"


def _remembered(column: str, switch: Switch) -> str:
    return f"(SELECT s.{column} FROM dbo.{switch.saved} AS s WHERE s.UserQueryId = dbo.UserQueryBase.UserQueryId)"


def _rows(switch: Switch) -> str:
    codes = ", ".join(str(TYPE_CODES[table]) for table in switch.tables)
    conditions = [
        f"QueryType = {OUTLOOK_FILTER}",
        f"ReturnedTypeCode IN ({codes})",
        f"StateCode = {switch.before[0]}",
    ]
    if switch.users:
        conditions.append(f"OwnerId IN (SELECT SystemUserId {_from_users(switch)})")
    return "\n  AND ".join(conditions)


def _as_many_as_expected(switch: Switch) -> str:
    return "" if switch.expect is None else f" AND @changed = {switch.expect}"


def _every_user_is_known(switch: Switch) -> str:
    if not switch.users:
        return ""
    return f" AND (SELECT COUNT(*) {_from_users(switch)}) = {len(set(switch.users))}"


def _from_users(switch: Switch) -> str:
    names = ", ".join(_text(name) for name in dict.fromkeys(switch.users))
    return f"FROM dbo.SystemUserBase WHERE DomainName IN ({names})"


def _text(value: str) -> str:
    """A text as T-SQL's literal: quotes doubled, nothing else is special in one."""
    return "N'" + value.replace("'", "''") + "'"
