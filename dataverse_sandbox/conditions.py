"""Pieces of SQL with their parameters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

Parameters = tuple[object, ...]


@dataclass(frozen=True)
class Condition:
    """A condition over tables that are named in FROM."""

    sql: str
    parameters: Parameters = ()


EVERYTHING = Condition("1")


def both(*conditions: Condition) -> Condition:
    """Return a condition that requires all of the given ones."""
    return joined("AND", conditions)


def joined(word: str, conditions: Iterable[Condition]) -> Condition:
    listed = list(conditions)
    parameters = tuple(value for condition in listed for value in condition.parameters)
    return Condition("(" + f" {word} ".join(condition.sql for condition in listed) + ")", parameters)
