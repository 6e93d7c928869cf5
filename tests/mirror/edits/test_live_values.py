"""Live values, read from the sandbox."""

from __future__ import annotations

from uuid import uuid4

import pytest

from syncapp.connection import clients
from syncapp.crm.errors import CrmError
from syncapp.mirror.edits.live_values import refresh_record, refresh_records
from syncapp.models import SyncField
from syncapp.review import decisions
from syncapp.review.context import digest
from tests.support.people import browser, rita
from tests.support.world import World


def read(field: SyncField) -> object:
    found = refresh_record(field.record, crm=clients.crm())
    field.refresh_from_db()
    return found


def test_live_value_and_read_time_are_stored(world: World):
    field = world.edited(jobtitle="Head of Procurement")["jobtitle"]

    found = read(field)

    assert field.crm_now_value == field.original_value
    assert field.crm_now_read_at is not None
    assert found.changed == frozenset()


def test_unchanged_value_keeps_form_valid(world: World):
    field = world.edited(jobtitle="Head of Procurement")["jobtitle"]
    before = digest(field)

    read(field)

    assert digest(field) == before
    assert decisions.approve(field.pk, by=rita(), seen=before)


def test_changed_value_invalidates_form(world: World):
    field = world.edited(jobtitle="Head of Procurement")["jobtitle"]
    before = digest(field)
    world.form(world.contact(), jobtitle="Chief")

    found = read(field)

    assert field.crm_now_value == "Chief"
    assert found.changed == {field.pk}
    assert digest(field) != before


def test_second_read_finds_no_change(world: World):
    field = world.edited(jobtitle="Head of Procurement")["jobtitle"]
    world.form(world.contact(), jobtitle="Chief")
    read(field)
    before = digest(field)

    assert read(field).changed == frozenset()
    assert digest(field) == before


def test_deleted_contact_is_marked_as_gone(world: World):
    field = world.edited(jobtitle="Head of Procurement")["jobtitle"]
    world.delete(world.contact())

    found = read(field)

    assert found.contact_is_gone
    assert field.contact_is_gone


def test_decided_field_is_not_refreshed(world: World):
    field = world.edited(jobtitle="Head of Procurement")["jobtitle"]
    decisions.approve(field.pk, by=rita(), seen=digest(field))

    read(field)

    assert field.crm_now_read_at is None


def test_failed_read_raises_and_changes_nothing(world: World):
    field = world.edited(jobtitle="Head of Procurement")["jobtitle"]
    world.faults({"status": 503, "times": 50})

    with pytest.raises(CrmError):
        read(field)

    field.refresh_from_db()
    assert field.crm_now_read_at is None


def test_unreadable_value_is_reported(world: World):
    fields = world.edited(jobtitle="Head of Procurement", telephone1="+47 1")
    world.form(world.contact(), jobtitle="a\u0000b", telephone1="+47 9")

    found = refresh_record(fields["jobtitle"].record, crm=clients.crm())

    bad = fields["jobtitle"]
    bad.refresh_from_db()
    assert found.unreadable == {bad.pk: "The CRM's value of contact.jobtitle holds a NUL character (U+0000)."}
    assert (found.changed, bad.crm_now_read_at) == ({fields["telephone1"].pk}, None)


def test_page_names_unreadable_value(world: World):
    field = world.edited(jobtitle="Head of Procurement")["jobtitle"]
    world.form(world.contact(), jobtitle="a\u0000b")

    page = browser(rita()).post(f"/review/{field.record_id}/read-again", headers={"hx-request": "true"})

    assert "contact.jobtitle holds a NUL character" in page.content.decode()


def test_unreadable_value_is_not_overwritten(world: World):
    field = world.edited(jobtitle="Head of Procurement")["jobtitle"]
    world.form(world.contact(), jobtitle="a\u0000b")
    world.decide(approve=(field,))
    world.forward()

    world.deliver()

    field.refresh_from_db()
    assert field.delivery == "failed"
    assert "holds a NUL character" in field.trouble
    assert world.written(world.contact(), "jobtitle") == []


def test_several_edits_are_read_in_one_request(world: World, caplog: pytest.LogCaptureFixture):
    rows = [world.edited(number, jobtitle="Head of Procurement")["jobtitle"] for number in range(3)]
    world.form(world.contact(1), jobtitle="Chief")
    world.delete(world.contact(2))
    caplog.set_level("INFO", logger="syncapp.crm.transport")
    caplog.clear()

    found = refresh_records([row.record_id for row in rows], crm=clients.crm())

    assert sum("POST $batch" in record.getMessage() for record in caplog.records) == 1
    same, changed, gone = (found[row.record_id] for row in rows)
    assert (same.changed, changed.changed, gone.contact_is_gone) == (frozenset(), {rows[1].pk}, True)


def test_too_many_edits_are_refused():
    with pytest.raises(ValueError, match="At most 200"):
        refresh_records([uuid4() for _ in range(201)], crm=clients.crm())
