"""A copy of the two tables of an on-premises CRM's database that the script touches, in SQLite.

The script is parsed as T-SQL and its translation run, statement by statement; variables, the count of the last update
and the transaction are kept here, since SQLite has no procedural words.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import sqlglot
from sqlglot import exp


class RaisedError(Exception):
    """An error raised by the script's RAISERROR."""


class Copy:
    """A copy of the database with filters and users."""

    def __init__(self) -> None:
        self._database = sqlite3.connect(":memory:", isolation_level=None)
        self._database.execute("ATTACH ':memory:' AS dbo")
        self._run("CREATE TABLE dbo.SystemUserBase (SystemUserId, DomainName)")
        self._run(
            "CREATE TABLE dbo.UserQueryBase (UserQueryId, OwnerId, QueryType, ReturnedTypeCode, StateCode, StatusCode)"
        )
        self._variables: dict[str, Any] = {}
        self._changed = 0
        self.used: list[str] = []
        self.shown: list[tuple[Any, ...]] = []

    def add_user(self, name: str) -> str:
        self._run("INSERT INTO dbo.SystemUserBase VALUES (?, ?)", name.upper(), name)
        return name.upper()

    def add_filter(self, name: str, *, owner: str, code: int = 4201, on: bool = True, query_type: int = 256) -> None:
        state = (0, 1) if on else (1, 2)
        self._run("INSERT INTO dbo.UserQueryBase VALUES (?, ?, ?, ?, ?, ?)", name, owner, query_type, code, *state)

    def change(self, name: str, *, state: int, status: int) -> None:
        self._run(
            "UPDATE dbo.UserQueryBase SET StateCode = ?, StatusCode = ? WHERE UserQueryId = ?", state, status, name
        )

    def states(self) -> dict[str, tuple[int, int]]:
        rows = self._run("SELECT UserQueryId, StateCode, StatusCode FROM dbo.UserQueryBase")
        return {name: (state, status) for name, state, status in rows}

    def tables(self) -> set[str]:
        return {name for (name,) in self._run("SELECT name FROM dbo.sqlite_master")}

    def execute(self, script: str) -> None:
        """Run a script. Raises RaisedError, and ParseError for invalid T-SQL."""
        for statement in _statements(script):
            self._execute(statement)

    def _execute(self, statement: exp.Expression) -> None:
        if isinstance(statement, exp.Set):
            return
        if isinstance(statement, exp.Use):
            self.used.append(statement.this.name)
            return
        if isinstance(statement, exp.Declare):
            for item in statement.expressions:
                self._variables[item.this[0].this.name] = self._value(item.args["default"])
        elif isinstance(statement, exp.IfBlock):
            self._branch(statement)
        elif isinstance(statement, exp.Anonymous) and statement.name.upper() == "RAISERROR":
            raise RaisedError(statement.expressions[0].name)
        else:
            found = self._database.execute(self._in_sqlite(statement))
            self._changed = found.rowcount
            self.shown += found.fetchall() if isinstance(statement, exp.Select) and found.description else []

    def _branch(self, branch: exp.IfBlock) -> None:
        """Run a condition's block; the parser adds statements after a block's END to it, and those always run."""
        inside, applies = True, bool(self._value(branch.this))
        for statement in branch.args["true"].expressions:
            if isinstance(statement, exp.EndStatement):
                inside = False
            elif applies or not inside:
                self._execute(statement)

    def _value(self, expression: exp.Expression) -> Any:
        return self._run(f"SELECT {self._in_sqlite(expression)}").fetchone()[0]

    def _in_sqlite(self, statement: exp.Expression) -> str:
        return statement.transform(self._plain).sql(dialect="sqlite")

    def _plain(self, node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.National):
            return exp.Literal.string(node.name)
        if isinstance(node, exp.Parameter):
            return exp.Literal.number(self._variable(node))
        return node

    def _variable(self, node: exp.Parameter) -> int:
        if isinstance(node.this, exp.Parameter):
            return {"ROWCOUNT": self._changed, "TRANCOUNT": int(self._database.in_transaction)}[node.this.name]
        return int(self._variables[node.name])

    def _run(self, sql: str, *values: Any) -> sqlite3.Cursor:
        return self._database.execute(sql, values)


def _statements(script: str) -> Iterator[exp.Expression]:
    for statement in sqlglot.parse(script, dialect="tsql"):
        if statement is not None and not isinstance(statement, exp.Semicolon):
            assert not isinstance(statement, exp.Command), f"not understood as T-SQL: {statement}"
            yield statement
