"""The tables in force and their relationships.

Tables and columns can be added while the sandbox runs, and several sandboxes may run in one process. So the catalog
in force belongs to the request: `Catalog.in_force` sets it, and BY_NAME, BY_SET and TABLES show it. Without a request
it is the initial one of every sandbox.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import overload

from dataverse_sandbox.catalog.columns import Column, GlobalChoice, Table


@dataclass(frozen=True)
class OneToMany:
    """A lookup seen from its target: the rows of `referencing` whose `column` holds the target's id."""

    name: str
    referenced: Table
    referencing: Table
    column: Column


@dataclass(frozen=True)
class ManyToMany:
    """Pairs in an intersect table: `near` is this side's lookup there, `far` the other side's."""

    name: str
    intersect: Table
    near: str
    far: str
    other: Table


Collection = OneToMany | ManyToMany


@dataclass(frozen=True, eq=False)
class Catalog:
    tables: tuple[Table, ...]
    choices: Mapping[str, GlobalChoice] = field(default_factory=dict)

    @cached_property
    def by_name(self) -> dict[str, Table]:
        return {table.name: table for table in self.tables}

    @cached_property
    def by_set(self) -> dict[str, Table]:
        return {table.set_name: table for table in self.tables}

    @cached_property
    def version(self) -> int:
        """Return a number that differs when a definition differs."""
        tables = [(table.name, table.label, table.columns, table.alternate_keys) for table in self.tables]
        return zlib.crc32(repr((tables, list(self.choices.values()))).encode())

    @cached_property
    def one_to_many(self) -> tuple[OneToMany, ...]:
        found = []
        for table in self.tables:
            for column in table.columns:
                for target in () if column.is_mirror else column.targets:
                    name = column.collections.get(target, f"{table.name}_{column.name}_{target}")
                    found.append(OneToMany(name, self.by_name[target], table, column))
        return tuple(found)

    @cached_property
    def _collections(self) -> dict[str, dict[str, Collection]]:
        found: dict[str, dict[str, Collection]] = {table.name: {} for table in self.tables}
        for relationship in self.one_to_many:
            found[relationship.referenced.name][relationship.name] = relationship
        for table in self.tables:
            if table.link is not None:
                first, second = table.link.columns
                for near, far in ((first, second), (second, first)):
                    here, there = table.by_name[near].targets[0], table.by_name[far].targets[0]
                    found[here][table.link.collection] = ManyToMany(
                        table.link.collection, table, near, far, self.by_name[there]
                    )
        return found

    def collections(self, table: Table) -> dict[str, Collection]:
        """Return the collection-valued navigation properties of a table, by name."""
        return self._collections[table.name]

    def with_table(self, table: Table) -> Catalog:
        """Return a copy with a table added or replaced."""
        if table.name not in self.by_name:
            return replace(self, tables=(*self.tables, table))
        return replace(self, tables=tuple(table if old.name == table.name else old for old in self.tables))

    def without(self, name: str) -> Catalog:
        return replace(self, tables=tuple(table for table in self.tables if table.name != name))

    def with_choice(self, choice: GlobalChoice) -> Catalog:
        return replace(self, choices={**self.choices, choice.name: choice})

    def without_choice(self, name: str) -> Catalog:
        return replace(self, choices={key: choice for key, choice in self.choices.items() if key != name})

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Use these tables in this thread, within the context."""
        token = _CURRENT.set(self)
        try:
            yield
        finally:
            _CURRENT.reset(token)


_CURRENT: ContextVar[Catalog] = ContextVar("catalog")


def current() -> Catalog:
    return _CURRENT.get()


def start_with(catalog: Catalog) -> None:
    """Set the catalog that is in force outside any request."""
    global _CURRENT
    _CURRENT = ContextVar("catalog", default=catalog)


def put_in_force(catalog: Catalog) -> None:
    """Use these tables until the enclosing `in_force` ends."""
    _CURRENT.set(catalog)


class _Tables(Mapping[str, Table]):
    def __init__(self, pick: Callable[[Catalog], dict[str, Table]]) -> None:
        self._pick = pick

    def __getitem__(self, name: str) -> Table:
        return self._pick(current())[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pick(current()))

    def __len__(self) -> int:
        return len(self._pick(current()))


class _InOrder(Sequence[Table]):
    @overload
    def __getitem__(self, index: int) -> Table: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Table]: ...
    def __getitem__(self, index: int | slice) -> Table | Sequence[Table]:
        return current().tables[index]

    def __len__(self) -> int:
        return len(current().tables)


BY_NAME: Mapping[str, Table] = _Tables(lambda catalog: catalog.by_name)
BY_SET: Mapping[str, Table] = _Tables(lambda catalog: catalog.by_set)
TABLES: Sequence[Table] = _InOrder()
