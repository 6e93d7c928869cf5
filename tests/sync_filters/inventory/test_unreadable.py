"""Unreadable users, mailboxes, teams, units and filters are set aside and shown; all others are read."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from syncapp.connection import clients
from syncapp.mirror import columns
from syncapp.mirror.directory import editors, rows
from syncapp.mirror.filters import inventory, store
from syncapp.models import (
    CrmColumn,
    CrmUser,
    FilterRow,
    FilterTeam,
    FilterUnit,
    FilterUser,
    SystemFilter,
    UnreadableRow,
)
from syncapp.models.sync_filters.run import Plan
from syncapp.sync_filters.runs.creation import RunSpec, create_run
from tests.support.factories import CONTACT_COLUMNS, make_editor, make_record
from tests.support.people import browser, fred
from tests.support.screen import Screen

NUL = "holds a NUL character (U+0000)"


def problem_of(kind: str) -> str:
    return UnreadableRow.objects.get(kind=kind).problem


def test_unreadable_user_keeps_values(read):
    rita = read.user()
    others = FilterUser.objects.count()
    read.change("systemusers", rita.pk, domainname="a\u0000b")

    read.read()

    rita.refresh_from_db()
    assert (rita.name, rita.is_disabled, FilterUser.objects.count()) == ("Rita Lindqvist", False, others)
    assert problem_of("user") == f"The CRM's value of domainname {NUL}."
    words = Screen(browser(fred()).get(f"/filters/users/{rita.pk}/")).words
    assert NUL in words
    read.change("systemusers", rita.pk, domainname="rita")
    read.read()
    assert not UnreadableRow.objects.exists()


def test_new_unreadable_user_becomes_stub(read):
    rita = read.user()
    FilterUser.objects.filter(pk=rita.pk).delete()
    read.change("systemusers", rita.pk, domainname="a\u0000b")

    read.read()

    assert FilterUser.objects.filter(pk=rita.pk).exists()


def test_unreadable_user_is_not_switched(read):
    rita = read.user()
    read.change("systemusers", rita.pk, domainname="a\u0000b")
    inventory.refresh(clients.crm(), [rita.pk])

    run = create_run([rita.pk], RunSpec(tables=("appointment",)), by=fred())

    item = run.items.get()
    assert (item.plan, NUL in item.why) == (Plan.CANNOT, True)


def test_unreadable_filter_keeps_values(read):
    rita = read.user()
    row = FilterRow.objects.for_outlook().filter(owner_id=rita.pk).first()
    assert row is not None
    count = FilterRow.objects.filter(owner_id=rita.pk).count()
    read.change("userqueries", row.pk, description="x", name="a\u0000b")

    read.read()

    assert FilterRow.objects.filter(owner_id=rita.pk).count() == count
    assert FilterRow.objects.get(pk=row.pk).name == row.name
    assert UnreadableRow.objects.get(kind="filter").owner_id == rita.pk


def test_unreadable_mailbox_is_not_taken_for_deleted(read):
    rita = read.user()
    read.change("mailboxes", rita.mailbox_id, name="a\u0000b")

    read.read()

    now = FilterUser.objects.get(pk=rita.pk)
    assert (now.mailbox_id, now.method) == (rita.mailbox_id, rita.method)
    assert UnreadableRow.objects.get(kind="mailbox").owner_id == rita.pk


@pytest.mark.parametrize(
    ("table", "model", "kind"), [("teams", FilterTeam, "team"), ("businessunits", FilterUnit, "unit")]
)
def test_unreadable_team_or_unit_keeps_its_name(read, table, model, kind):
    row = model.objects.order_by("pk").first()
    read.change(table, row.pk, name="a\u0000b")

    read.read()

    assert model.objects.get(pk=row.pk).name == row.name
    assert NUL in problem_of(kind)


def test_unreadable_system_filter_is_kept(read):
    row = SystemFilter.objects.order_by("pk").first()
    assert row is not None
    read.change("savedqueries", row.pk, name="a\u0000b")

    read.read()

    assert SystemFilter.objects.get(pk=row.pk).name == row.name
    assert NUL in problem_of("system")


def test_value_too_large_to_store_is_set_aside(read):
    rita = read.user()
    (found,) = clients.crm().directory.users_by_id([rita.pk])
    bad = replace(found, access_mode=2**20)

    rows.store_users([bad, replace(found, id=UUID(int=7), name="New")], 1)

    assert "access mode is not between" in problem_of("user")
    assert FilterUser.objects.filter(name="New").exists()
    (box,) = clients.crm().directory.mailboxes_by_id([rita.mailbox_id])
    rows.store_mailboxes([replace(box, method=2**20)], 1)
    assert FilterUser.objects.get(pk=rita.pk).method == rita.method
    (owned,) = clients.crm().filters.of_owners([rita.pk])
    wide = replace(owned.filters[0], table="x" * 200)
    store.store([replace(owned, filters=(wide, *owned.filters[1:]))], generation=1)
    assert "table is longer than 128" in problem_of("filter")


def test_unreadable_column_definition_keeps_previous_label(db):
    columns.store("contact", CONTACT_COLUMNS)
    bad = replace(CONTACT_COLUMNS[0], label="", problem=f"The CRM's value of Label {NUL}.")
    unidentified = replace(bad, name="")

    columns.store("contact", (bad, unidentified, *CONTACT_COLUMNS[1:]))

    assert CrmColumn.objects.get(name="jobtitle").label == "Job Title"
    assert CrmColumn.objects.count() == len(CONTACT_COLUMNS)
    assert set(UnreadableRow.objects.values_list("kind", "row_id")) == {("column", "jobtitle"), ("column", "?1")}
    columns.store("contact", CONTACT_COLUMNS)
    assert not UnreadableRow.objects.exists()


def test_unreadable_editor_is_not_stored(read):
    rita = read.user()
    record = make_record(editor=make_editor())
    CrmUser.objects.all().delete()
    type(record).objects.update(editor_id=rita.pk, waiting_count=1)
    read.change("systemusers", rita.pk, fullname="x", internalemailaddress="a\u0000b")

    editors.read_editors(clients.crm(), editors.due_editors())

    assert not CrmUser.objects.exists()
    assert NUL in problem_of("editor")
    assert editors.due_editors() == [], "not read again with every pull"
