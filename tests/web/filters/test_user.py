"""The page of one user: sync paths, filters in words, forecast, history and restoring."""

from __future__ import annotations

import re
import uuid

from django.utils import timezone

from syncapp.connection import clients
from syncapp.models import FilterRow, FilterRun, FilterUser
from syncapp.models.sync_filters.user import Cause
from syncapp.sync_filters.inventory import user_lists
from syncapp.sync_filters.runs import creation, job, transitions
from tests.support.people import browser, fred, vera
from tests.support.screen import text
from tests.sync_filters.conftest import read, scenery

__all__ = ["read", "scenery"]


def test_page_explains_sync_paths(read, django_assert_max_num_queries):
    rita = read.user()
    user_lists.save("Riva", [rita.address], by=fred())
    odd = '<fetch><entity name="task"><filter><condition attribute="a" operator="odd"/></filter></entity></fetch>'
    FilterRow.objects.filter(owner_id=rita.pk, table="task").update(fetch_xml=odd)

    client = browser(vera())
    with django_assert_max_num_queries(28):
        page = text(client.get(f"/filters/users/{rita.pk}/"))

    assert "Appointments reach this user’s Outlook twice" in page
    assert "Riva, according to its list" in page
    assert "Recommendation: Set the synchronization method to None" in page
    assert f"/filters/plan?user={rita.pk}&amp;want=method-2" in text(browser(fred()).get(f"/filters/users/{rita.pk}/"))
    assert "Appointments owned by Rita Lindqvist" in page
    assert "system filter, for all users" in page
    assert "&lt;condition attribute=&quot;a&quot; operator=&quot;odd&quot; /&gt;" in page
    assert "No run has switched anything for this user yet" in page
    assert "Preview switching" not in page


def test_page_explains_each_cause(db):
    client = browser(vera())
    told = {
        Cause.DISABLED: "the user is disabled in the CRM",
        Cause.NO_ROLE: "no role in the CRM",
        Cause.NO_MAILBOX: "the CRM has no mailbox",
        Cause.NOT_SET_UP: "no filter for appointments",
    }
    user = FilterUser.objects.create(pk=uuid.uuid4(), name="Somebody", read_at=timezone.now())

    for cause, words in told.items():
        FilterUser.objects.update(cause=cause, paths="none")
        page = text(client.get(f"/filters/users/{user.pk}/"))
        assert "Appointments do not reach this user’s Outlook" in page
        assert words in page


def test_forecast_is_stored_with_its_age(read):
    client, rita = browser(fred()), read.user()

    came = client.post(f"/filters/users/{rita.pk}/forecast", {"off": "tasks"})

    page = text(client.get(came.url))
    tasks = len(read.rows("tasks", "?$filter=statecode eq 0&$select=activityid"))
    assert re.search(rf'>\s*{tasks}\s*<span class="only-narrow">removed', page)
    assert "just now</time> by <bdi>Fred</bdi>" in page
    assert "If you switch off “My Tasks”:" in page
    assert "changed since. Ask again." not in page
    FilterRow.objects.filter(owner_id=rita.pk, table="task").update(modified_on=timezone.now())
    assert "changed since. Ask again." in text(client.get(came.url))
    assert "None of these filters is on" in text(
        client.post(f"/filters/users/{rita.pk}/forecast", {"off": "nonsense"}, follow=True)
    )


def test_history_offers_restoring_filters(read):
    client, rita = browser(fred()), read.user()
    run = creation.create_run([rita.pk], creation.RunSpec(("contact",), on=False), by=fred())
    transitions.start(run, by=fred())
    job.work(run.pk, crm=clients.verified_client(), seconds=20)

    page = text(client.get(f"/filters/users/{rita.pk}/"))
    came = client.post(f"/filters/users/{rita.pk}/restore/{run.items.get().pk}")

    assert f"Run {run.number}</a> by <bdi>Fred</bdi>: done" in page
    assert "My Outlook Contacts</bdi> switched <b>off</b>" in page
    restoring = FilterRun.objects.get(undoes=run)
    assert came.url == f"/filters/runs/{restoring.pk}/"
    assert "Switch on" in text(client.get(came.url))
    assert browser(vera()).post(f"/filters/users/{rita.pk}/restore/{run.items.get().pk}").status_code == 403
    assert "This run has nothing left to restore" in text(
        client.post(f"/filters/users/{rita.pk}/restore/{run.items.get().pk}", follow=True)
    )
