"""Documents name files, functions and settings that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
DOCUMENTS = ["README.md", "CONTRIBUTING.md"] + [
    path.relative_to(PROJECT).as_posix() for path in sorted((PROJECT / "docs").rglob("*.md"))
]
# `path/to/module.py` or `path/to/module.py: name, other_name`
NAMED = re.compile(r"`((?:[\w.-]+/)+|)([\w-]+\.(?:py|html|js|css|md))(?:: ([\w., ]+?))?`")


def named(document: str) -> list[tuple[str, str]]:
    """Return pairs of a path and the names that the document says are in it."""
    text = (PROJECT / document).read_text(encoding="utf-8")
    return [(folder + name, names) for folder, name, names in NAMED.findall(text)]


def places(path: str) -> list[Path]:
    """Return the files that the path can mean: from the project's root, from inside a package, or a bare file name."""
    roots = (PROJECT, *(PROJECT / folder for folder in ("syncapp", "templates", "syncapp/static")))
    found = [root / path for root in roots if (root / path).is_file()]
    if not found and "/" not in path:
        found = [place for root in roots[1:] for place in root.rglob(path)]
    return found


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documents_name_existing_files(document: str) -> None:
    missing = [path for path, _ in named(document) if not places(path)]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documents_name_existing_functions(document: str) -> None:
    missing = []
    for path, names in named(document):
        text = "\n".join(place.read_text(encoding="utf-8") for place in places(path))
        wanted = [name.strip().rpartition(".")[2] for name in names.split(",") if name.strip()]
        missing += [f"{path}: {name}" for name in wanted if not re.search(rf"\b{re.escape(name)}\b", text)]
    assert missing == []


def test_reference_to_missing_file_is_detected() -> None:
    assert NAMED.findall("see `review/nowhere.py: gone`") == [("review/", "nowhere.py", "gone")]
    assert places("review/nowhere.py") == []
