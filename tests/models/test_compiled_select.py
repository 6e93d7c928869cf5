"""Several querysets in one compiled SELECT."""

from __future__ import annotations

import pytest
from django.db.models import QuerySet

from syncapp.models import Person
from syncapp.models.compiled_select import select_row
from tests.support.people import ada, rita

pytestmark = pytest.mark.django_db
COUNT = "(SELECT COUNT(*) FROM ({}) AS counted)"


def test_row_has_a_column_per_queryset() -> None:
    assert select_row("EXISTS ({})", named, "Ada", "Rita") == (False, False)

    ada()

    assert select_row("EXISTS ({})", named, "Ada", "Rita") == (True, False)


def test_other_arguments_select_other_rows() -> None:
    ada(), rita()

    assert select_row(COUNT, named, "Ada") == (1,)
    assert select_row(COUNT, named, "Nobody") == (0,)


def test_statement_is_compiled_once() -> None:
    calls: list[str] = []

    def everyone(mark: str) -> list[QuerySet[Person]]:
        calls.append(mark)
        return [Person.objects.values("pk")]

    counted = [select_row(COUNT, everyone, mark) for mark in ("a", "a", "b") if rita()]

    assert counted == [(1,), (1,), (1,)]
    assert calls == ["a", "b"]


def named(*names: str) -> list[QuerySet[Person]]:
    return [Person.objects.filter(name__startswith=name).values("pk") for name in names]
