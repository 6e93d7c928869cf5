"""Editors: read once they edit something, read again each day, and never deleted."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from syncapp.connection.clients import verified_client
from syncapp.jobs import breakers
from syncapp.mirror.directory import editors
from syncapp.mirror.edits import visibility
from syncapp.models import Breaker, CrmUser, SyncRecord
from tests.support.factories import make_field
from tests.support.world import World

pytestmark = pytest.mark.django_db


def test_unknown_editor_is_listed_while_edit_is_open():
    first, second = make_field().record, make_field().record
    editor = first.editor_id
    CrmUser.objects.all().delete()
    assert editors.unknown_editors() == [editor]

    SyncRecord.objects.filter(pk=second.pk).update(waiting_count=0)
    assert editors.unknown_editors() == [editor]
    SyncRecord.objects.filter(pk=first.pk).update(waiting_count=0, writing_count=1)
    assert editors.unknown_editors() == [editor], "superseded as it arrived, and its mark is being written"
    SyncRecord.objects.filter(pk=first.pk).update(writing_count=0)
    assert editors.unknown_editors() == []


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL rightly reads a small table as a whole")
def test_unknown_editor_queries_use_partial_indexes(django_assert_num_queries):
    with django_assert_num_queries(3) as asked:
        editors.unknown_editors()
    indexes = ("record_waiting_editor", "record_writing_age", "decision_recognized")
    with connection.cursor() as cursor:
        for query, index in zip(asked.captured_queries, indexes, strict=True):
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
            assert f"USING INDEX {index}" in str(cursor.fetchall())


def test_outdated_editor_is_read_again(world: World):
    world.edited(jobtitle="Head")
    CrmUser.objects.update(name="Maiden Name", read_at=timezone.now() - timedelta(hours=23))
    world.pull()
    assert CrmUser.objects.get().name == "Maiden Name"

    CrmUser.objects.update(read_at=timezone.now() - timedelta(hours=25))
    world.pull()

    assert CrmUser.objects.get().name == "Jonas Weber"
    assert editors.outdated_editors() == []


def test_deleted_editor_keeps_known_name(world: World):
    left, stranger = uuid.uuid4(), uuid.uuid4()
    CrmUser.objects.create(pk=left, name="Ann", entra_id=stranger, read_at=timezone.now() - timedelta(days=2))

    editors.read_editors(verified_client(), [left, stranger])

    found = CrmUser.objects.order_by("-name").values_list("pk", "name", "entra_id", "is_disabled")
    assert list(found) == [(left, "Ann", stranger, True), (stranger, "", None, True)]
    assert editors.outdated_editors() == []


def test_editor_is_read_before_edit_is_shown(world: World, monkeypatch: pytest.MonkeyPatch):
    world.pull()
    world.outlook(world.contact(), jobtitle="Head")
    known_at_show = []
    show = visibility.show

    def observe(*args, **options):
        known_at_show.extend(CrmUser.objects.values_list("name", flat=True))
        return show(*args, **options)

    monkeypatch.setattr(visibility, "show", observe)
    world.pull()

    assert known_at_show == ["Jonas Weber"]


def test_refused_editor_read_hides_no_edit(world: World):
    world.pull()
    world.outlook(world.contact(), jobtitle="Head")
    world.faults({"method": "GET", "table": "systemuser", "status": 403, "times": 9})
    world.pull()

    assert [breaker.name for breaker in breakers.all_open()] == [Breaker.Name.REFUSED_NAMES]
    assert SyncRecord.objects.visible().count() == 1
    assert not CrmUser.objects.exists()
