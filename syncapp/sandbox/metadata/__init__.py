"""Definitions of tables, columns, keys and relationships: read, written, and as `$metadata`."""

from __future__ import annotations

from syncapp.sandbox.metadata.reading import TextAnswer, answer

ROOTS = frozenset({"EntityDefinitions", "RelationshipDefinitions", "GlobalOptionSetDefinitions"})

__all__ = ["ROOTS", "TextAnswer", "answer"]
