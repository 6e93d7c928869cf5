"""Reads of a long audit log, on SQLite and PostgreSQL."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from syncapp.activity import audit_log
from syncapp.activity.audit_log import AuditFilter
from syncapp.models import AuditEntry
from tests.models.test_work_indexes import analyze, plan
from tests.support.people import rita

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("actor_filter", [{}, {"person": uuid.UUID(int=7)}, {"by_portal": True}])
def test_tab_uses_the_index_of_its_area(actor_filter: dict[str, Any]):
    now, run = timezone.now(), uuid.uuid4()
    switched = {"action": "filter.switched", "area": "filter", "channel": "run", "group": run}
    approved = {"action": "field.review.approved", "area": "decision", "channel": "screen", "actor": rita()}
    for content in (switched, approved):
        AuditEntry.objects.bulk_create(AuditEntry(at=now - timedelta(seconds=n), **content) for n in range(1500))
    AuditEntry.objects.create(at=now, action="run.done", area="filter", channel="system", group=run)
    analyze(AuditEntry)

    steps = plan(audit_log.rows(AuditFilter(area="filter", **actor_filter), grouped=True)[:51])

    index = "audit_heads_of_area_actor" if actor_filter else "audit_heads_of_area"
    assert f" {index} " in steps, steps


def test_mismatched_area_and_action_find_nothing():
    for action, area in (("run.done", "filter"), ("person.signed_in", "sign_in")):
        AuditEntry.objects.create(at=timezone.now(), action=action, area=area, channel="system")

    found = {area: audit_log.page(AuditFilter(area=area, action="run.done")).entries for area in ("filter", "sign_in")}

    assert [entry.action for entry in found["filter"]] == ["run.done"]
    assert not found["sign_in"]
