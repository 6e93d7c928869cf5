"""A database that refuses a statement, as it does when a row breaks an unforeseen limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import DataError, connection
from django.db.models import Model


@contextmanager
def failing(verb: str, model: type[Model], with_value: UUID | None = None) -> Iterator[None]:
    """Refuse statements such as "INSERT INTO" on the model's table; only those with this value, if one is given."""

    def execute_or_fail(execute: Callable[..., Any], sql: str, values: Any, many: bool, context: Any) -> Any:
        has_value = with_value is None or any(str(value).replace("-", "") == with_value.hex for value in values or ())
        if sql.startswith(f'{verb} "{model._meta.db_table}"') and has_value:
            raise DataError("refused by the test")
        return execute(sql, values, many, context)

    with connection.execute_wrapper(execute_or_fail):
        yield
