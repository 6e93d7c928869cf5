"""An upgrade beside the previous release, and the downgrade, with rows of every kind."""

from __future__ import annotations

from django.db.migrations.state import StateApps

from syncapp.migrations import PREVIOUS_RELEASE
from tests.migrations import history
from tests.migrations.rows import (
    Snapshot,
    choice_fields,
    fill,
    models_of,
    recognized_decisions,
    snapshot,
    update_all,
    without_decisions,
)

# Columns that the migrations since then compute or read again; every other value stays the same.
CHANGED_FORWARD = {("SyncField", "change_kind"), ("CrmColumn", "read_at")}


def test_upgrade_and_downgrade_keep_every_row(database: None) -> None:
    history.migrate(PREVIOUS_RELEASE)
    old = history.apps_at(PREVIOUS_RELEASE)
    fill(old)
    assert_complete(old)
    before = snapshot(old)
    history.migrate(history.newest())
    after = snapshot(old)
    assert _changed(before, after) <= CHANGED_FORWARD

    # The previous release continues to work on the new schema, then the new one starts.
    update_all(old)
    assert _changed(after, snapshot(old)) == set()
    fill(old)
    new = history.apps_at(history.newest())
    fill(new)
    both = without_decisions(snapshot(old), recognized_decisions(new))
    history.migrate(PREVIOUS_RELEASE)
    back = snapshot(old)
    assert _changed(both, back) == {
        ("Decision", "state"),
        ("FilterRunItem", "outcome"),
        ("FilterRunItem", "plan"),
        ("Message", "kind"),
        ("Message", "state"),
        ("PolicyMember", "plan"),
        ("SelectionItem", "result"),
    }
    assert _unknown_codes(old, back) == set()
    update_all(old)
    history.migrate(history.newest())
    assert _changed(back, snapshot(old)) <= CHANGED_FORWARD


def assert_complete(apps: StateApps) -> None:
    """Fail where a model or a code has no row."""
    rows = snapshot(apps)
    assert [name for name, found in rows.items() if not found] == []
    for model in models_of(apps):
        if "slot" in {field.name for field in model._meta.concrete_fields}:
            continue  # a single row holds a single code
        for field in choice_fields(model):
            held = {row[field.attname] for row in rows[str(model._meta.object_name)].values()}
            assert held >= {code for code, _ in field.flatchoices}, field


def _changed(before: Snapshot, after: Snapshot) -> set[tuple[str, str]]:
    """Return the columns in which rows differ; fail where a row is missing."""
    found = set()
    for model, rows in before.items():
        assert rows.keys() <= after[model].keys(), model
        for key, row in rows.items():
            found |= {(model, name) for name, value in row.items() if after[model][key][name] != value}
    return found


def _unknown_codes(apps: StateApps, rows: Snapshot) -> set[tuple[str, object]]:
    return {
        (field.name, row[field.attname])
        for model in models_of(apps)
        for field in choice_fields(model)
        for row in rows[str(model._meta.object_name)].values()
        if row[field.attname] not in (None, "") and row[field.attname] not in dict(field.flatchoices)
    }
