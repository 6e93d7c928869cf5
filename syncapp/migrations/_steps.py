"""Parts of a migration that has to run in several transactions. Django ignores modules that begin with `_`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.migrations import SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation


class Step(SeparateDatabaseAndState):
    """Changes of the schema in a transaction of their own, in a migration with `atomic = False`.

    PostgreSQL refuses to change a table whose rows were changed in the same transaction, so steps stand before and
    after the data. A migration that was interrupted runs again from its beginning: `proof` is (model, column, index
    or constraint) that this step makes; where it exists, the step is done already, and on the way back where it does
    not. Without `proof` the step can be repeated as it is.
    """

    atomic = True

    def __init__(self, operations: Sequence[Operation], *, proof: tuple[str, str] | None = None) -> None:
        super().__init__(operations, operations)
        self.proof = proof

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if self.proof is None or not self._is_there(app_label, schema_editor):
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            _finish(schema_editor)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if self.proof is None or self._is_there(app_label, schema_editor):
            super().database_backwards(app_label, schema_editor, from_state, to_state)
            _finish(schema_editor)

    def _is_there(self, app_label: str, schema_editor: Any) -> bool:
        model, name = self.proof
        table, introspection = f"{app_label}_{model}", schema_editor.connection.introspection
        with schema_editor.connection.cursor() as cursor:
            columns = {column.name for column in introspection.get_table_description(cursor, table)}
            return name in columns or name in introspection.get_constraints(cursor, table)


def _finish(schema_editor: Any) -> None:
    """Make the keys and indexes that Django would make after the whole migration, outside of this transaction."""
    for statement in schema_editor.deferred_sql:
        schema_editor.execute(statement, None)
    schema_editor.deferred_sql.clear()
