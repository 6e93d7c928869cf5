"""Endless page chains: each ends with an error that pages and health checks show."""

from __future__ import annotations

from itertools import count

import pytest
from django.utils import timezone

from syncapp import health
from syncapp.crm.client import CrmClient
from syncapp.crm.errors import DeltaExpired, ProtocolError
from syncapp.crm.page_chain import ENDLESS, MAX_PAGES
from syncapp.mirror.edits import pull as changes
from syncapp.models import Heartbeat, MirrorCursor
from tests.crm.local_server import RecordingTransport, http, json_answer, serve
from tests.support.factories import store_columns

pytestmark = pytest.mark.django_db(transaction=True)


def page(request, token: object) -> bytes:
    link = f"http://{request.headers['host']}/api/data/v9.2/osync_syncfields?$skiptoken={token}"
    return json_answer({"value": [], "@odata.nextLink": link})


def pull(handler, **options):
    store_columns()
    with serve(handler) as server:
        return changes.pull(CrmClient(transport=RecordingTransport(origin=server.origin)), **options)


def test_circular_page_links_end_pull():
    with pytest.raises(ProtocolError) as caught:
        pull(lambda request: page(request, 1))

    assert caught.value.code == ENDLESS
    cursor = MirrorCursor.objects.get(table=changes.FIELDS)
    assert (cursor.next_link, cursor.pages, cursor.lease_until) == ("", 0, None)
    Heartbeat.objects.create(name="worker", answered_at=timezone.now())
    assert "does not end" in next(trouble.text for trouble in health.troubles() if trouble.code == "pull")


def test_endless_page_chain_is_stopped_across_pulls():
    tokens = count()
    with serve(lambda request: page(request, next(tokens))) as server:
        crm = CrmClient(transport=RecordingTransport(origin=server.origin))
        store_columns()
        changes.pull(crm, seconds=0)
        assert MirrorCursor.objects.get(table=changes.FIELDS).pages == 1
        MirrorCursor.objects.update(pages=MAX_PAGES)

        with pytest.raises(ProtocolError) as caught:
            changes.pull(crm, seconds=0)

    assert caught.value.code == ENDLESS


def test_immediately_expired_link_ends_pull():
    def handler(request):
        return http(400, b"{}") if "skiptoken" in request.target else page(request, 1)

    with pytest.raises(DeltaExpired):
        pull(handler)
