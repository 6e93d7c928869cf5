"""Names of tests are short enough to be read at a glance: condition and outcome."""

from __future__ import annotations

import ast
from pathlib import Path

PROJECT = Path(__file__).parents[2]
MAX_WORDS = 8


def _words(name: str) -> int:
    return len([word for word in name.removeprefix("test_").split("_") if word])


def test_test_names_are_short() -> None:
    modules = [*(PROJECT / "tests").rglob("*.py"), *(PROJECT / "dataverse_sandbox" / "tests").rglob("*.py")]
    long = [
        f"{path.relative_to(PROJECT)}: {node.name}"
        for path in sorted(modules)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and _words(node.name) > MAX_WORDS
    ]
    assert long == []


def test_words_are_counted_after_the_prefix() -> None:
    assert _words("test_5xx_leaves_outcome_unknown") == 4
