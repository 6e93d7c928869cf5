"""Size limits of functions, files and template lines."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PACKAGES = ("benches", "dataverse_sandbox", "portal", "syncapp", "tests", "tools")
MAX_LINES_OF_A_FUNCTION = 50
MAX_LINES_OF_A_FILE = 400
LONGEST_TEMPLATE_LINE = 140


def _modules() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        for path in sorted((PROJECT / package).rglob("*.py")):
            yield path.relative_to(PROJECT).as_posix(), path.read_text(encoding="utf-8")


def test_functions_are_short() -> None:
    long = [
        f"{path}: {node.name}"
        for path, source in _modules()
        if "/migrations/" not in path
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.end_lineno is not None
        if node.end_lineno - node.lineno + 1 > MAX_LINES_OF_A_FUNCTION
    ]
    assert long == []


def test_files_are_short() -> None:
    long = [path for path, source in _modules() if source.count("\n") > MAX_LINES_OF_A_FILE]

    assert long == []


def test_template_lines_are_short() -> None:
    long = [
        f"{path.relative_to(PROJECT)}:{number}"
        for path in sorted((PROJECT / "templates").rglob("*.html"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if len(line) > LONGEST_TEMPLATE_LINE
    ]
    assert long == []
