"""Definitions of tables, columns, keys and relationships: read, written, and as `$metadata`."""

from __future__ import annotations

from dataverse_sandbox.metadata.reading import TextAnswer, answer

ROOTS = frozenset({"EntityDefinitions", "RelationshipDefinitions", "GlobalOptionSetDefinitions"})

__all__ = ["ROOTS", "TextAnswer", "answer"]
