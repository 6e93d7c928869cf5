"""Every run has a number of its own, however many are created at one moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction

from syncapp.models import FilterRun, FilterUser, Person
from syncapp.models.sync_filters.run import RunOperation
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.runs import creation
from tests.support.people import fred
from tests.support.servers import wait_until
from tests.sync_filters.company import small_company

OFF = creation.RunSpec(("appointment",), on=False, reason="Riva")


def everybody() -> list[UUID]:
    return list(FilterUser.objects.values_list("pk", flat=True))


class Rival:
    """Creates a run of its own whenever another one has read the next number, this many times."""

    def __init__(self, times: int) -> None:
        self._times, self._is_creating = times, False

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if sql.startswith("SELECT MAX(") and self._times and not self._is_creating:
            self._times, self._is_creating = self._times - 1, True
            creation.create_numbered(tables=[], operation=RunOperation.FILTERS, users=1, person=fred())
            self._is_creating = False
        return result


@pytest.mark.django_db
def test_numbers_are_consecutive():
    small_company()

    assert [creation.create_run(everybody(), OFF, by=fred()).number for _ in range(3)] == [1, 2, 3]


@pytest.mark.django_db
def test_taken_number_is_skipped():
    small_company()

    with connection.execute_wrapper(Rival(2)):
        run = creation.create_run(everybody(), OFF, by=fred())

    assert (run.number, run.items.count()) == (3, 8)
    assert FilterRun.objects.count() == 3


@pytest.mark.django_db
def test_repeatedly_taken_run_number_is_reported():
    small_company()

    with connection.execute_wrapper(Rival(50)), pytest.raises(NotPossible, match="Try again"):
        creation.create_run(everybody(), OFF, by=fred())


@pytest.mark.django_db
def test_other_integrity_errors_are_raised():
    person = fred()

    with pytest.raises(IntegrityError), transaction.atomic():
        creation.create_numbered(tables=[], operation=RunOperation.FILTERS, users=1, person=person, confirmed_by=person)


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite has one writer: the second has not begun yet")
@pytest.mark.django_db(transaction=True)
def test_simultaneous_runs_get_different_numbers():
    small_company()
    users, person = everybody(), fred()

    with transaction.atomic():
        first = creation.create_run(users, OFF, by=person)
        second = OtherCreator(users, person)
        wait_until(wait_for_lock, what="the second run waits for the number of the first")
    second.thread.join(10)

    assert (first.number, *second.numbers) == (1, 2)
    assert FilterRun.objects.get(number=2).items.count() == 8


def wait_for_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


class OtherCreator:
    """Creates a run over a database connection of its own."""

    def __init__(self, users: list[UUID], person: Person) -> None:
        self.numbers: list[int] = []
        self.thread = threading.Thread(
            target=self._create_apart, args=(lambda: creation.create_run(users, OFF, by=person),)
        )
        self.thread.start()

    def _create_apart(self, create: Callable[[], FilterRun]) -> None:
        try:
            self.numbers.append(create().number)
        finally:
            connection.close()
