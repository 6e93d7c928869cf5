"""Definitions of tables, columns, keys and relationships: reading, writing, and `$metadata`."""

from __future__ import annotations

from dataverse_sandbox.metadata.reading import TextAnswer, answer

ROOTS = frozenset({"EntityDefinitions", "RelationshipDefinitions", "GlobalOptionSetDefinitions"})

__all__ = ["ROOTS", "TextAnswer", "answer"]
