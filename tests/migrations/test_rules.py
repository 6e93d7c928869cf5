"""Each migration is safe while the previous release runs, and independent of later code."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.db.migrations import RunPython, RunSQL
from django.db.models import Field

import syncapp.migrations
from syncapp.migrations import PREVIOUS_RELEASE
from tests.migrations import history
from tests.support.servers import PROJECT

FILES = sorted(Path(syncapp.migrations.__file__).parent.glob("*.py"))


def test_migrations_form_one_numbered_chain() -> None:
    assert [name[:5] for name in history.names()] == [f"{number:04}_" for number in range(1, len(history.names()) + 1)]
    for before, (name, migration) in itertools.pairwise([("", None), *history.migrations().items()]):
        assert migration is not None
        assert [parent for app, parent in migration.dependencies if app == "syncapp"] == [before[0]] * bool(before[0])
        assert re.fullmatch(r"\d{4}_[a-z][a-z_]+", name)


def test_upgrade_guide_lists_every_migration() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \|", (PROJECT / "docs" / "how-to" / "upgrades.md").read_text(), re.MULTILINE)
    told = {number for row in rows for number in row.split(", ")}

    assert told == {name[:4] for name in history.names()[1:]}


def test_previous_release_is_an_existing_migration() -> None:
    assert PREVIOUS_RELEASE in history.names()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_migration_imports_the_portal(file: Path) -> None:
    for imported in _imports(file):
        assert imported.split(".")[0] not in ("syncapp", "portal", "tests"), imported
        assert not imported.startswith(".") or imported.startswith("._"), imported


@pytest.mark.parametrize("name", history.names())
def test_migrations_separate_schema_and_data(name: str) -> None:
    migration = history.migrations()[name]
    kinds = {isinstance(operation, RunPython | RunSQL) for operation in migration.operations}
    assert not migration.atomic or len(kinds) == 1


@pytest.mark.parametrize("name", [name for name in history.names() if name > PREVIOUS_RELEASE])
def test_previous_release_can_omit_new_columns(name: str) -> None:
    assert list(history.columns_without_default(history.migrations()[name])) == []


def test_earlier_releases_can_omit_new_columns() -> None:
    for migration in history.migrations().values():
        for model, field in history.columns_without_default(migration):
            now = _column(f"syncapp_{model.lower()}", field)
            assert now.null or now.has_db_default(), f"{model}.{field}"


def _column(table: str, name: str) -> Field:
    """Return the field of today's models that has this column; models and fields may have been renamed in the code."""
    model = next(each for each in apps.get_app_config("syncapp").get_models() if each._meta.db_table == table)
    return next(field for field in model._meta.concrete_fields if field.column in (name, f"{name}_id"))


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")
