"""Outcomes of a run's users that also depend on other filters or on the kind of access."""

from __future__ import annotations

from syncapp.connection import clients
from syncapp.mirror.filters import inventory
from syncapp.models import FilterAccess, FilterRow, FilterUser
from syncapp.models.sync_filters.filter import Access
from syncapp.models.sync_filters.run import Outcome
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES, Cell
from syncapp.sync_filters.runs import creation, report, transitions, undo
from tests.support.people import browser, fred
from tests.support.screen import text
from tests.sync_filters.runs.test_job import created, done, outcome, process, released


def add_filter(read, user: FilterUser, name: str, *, state: int = 0) -> None:
    """Create another appointment filter of the user in the CRM."""
    body = {
        "name": name,
        "returnedtypecode": "appointment",
        "querytype": 256,
        "statecode": state,
        "statuscode": state + 1,
        "fetchxml": "<fetch><entity name='appointment'><attribute name='subject'/></entity></fetch>",
        "ownerid@odata.bind": f"/systemusers({user.pk})",
    }
    read.cloud.call("POST", "userqueries", body)


def test_user_with_other_active_filter_is_partly_done(read):
    rita = read.user()
    run = released(created(rita))
    add_filter(read, rita, "Team meetings")

    run = process(transitions.start(run, by=fred()))

    item = run.items.get()
    assert item.outcome == Outcome.PARTLY
    assert "“Team meetings”" in item.why
    assert read.user().appointments == Cell.MIXED
    assert not report.verified_users(run).exists()
    page = text(browser(fred()).get(f"/filters/runs/{run.pk}/"), 200)
    assert "Partly done" in page
    assert undo.count_undoable(run) == 1


def test_partly_done_users_are_verified_later(read):
    rita = read.user()
    run = released(created(rita))
    add_filter(read, rita, "Team meetings")
    run = process(transitions.start(run, by=fred()))

    again = done(rita)

    assert outcome(again, rita) == Outcome.DONE
    assert list(report.verified_users(run)) == [rita]


def test_user_with_other_inactive_filter_is_partly_done(read):
    rita, on = read.user(), creation.RunSpec(APPOINTMENT_TABLES, on=True)
    done(rita)
    run = released(created(rita, spec=on))
    add_filter(read, rita, "Old meetings", state=1)

    run = process(transitions.start(run, by=fred()))

    assert (outcome(run, rita), "“Old meetings”" in run.items.get().why) == (Outcome.PARTLY, True)


def test_filters_of_other_tables_do_not_affect_outcome(read):
    rita = read.user()
    assert FilterRow.objects.for_outlook().filter(owner_id=rita.pk, table="contact", state=0).exists()

    assert outcome(done(rita), rita) == Outcome.DONE


def test_run_impersonates_users_after_losing_permission(read):
    rita, rob = read.user(), read.user("Rob Marchetti")
    assert FilterAccess.objects.get().writing == Access.DIRECT
    run = released(created(rita, rob))
    read.allow_impersonation_only()
    since = read.mark()

    run = process(transitions.start(run, by=fred()))

    capabilities = FilterAccess.objects.get()
    assert (capabilities.reading, capabilities.writing) == (Access.ACTING, Access.ACTING)
    assert [outcome(run, user) for user in (rita, rob)] == [Outcome.DONE, Outcome.DONE]
    switched = {key for key, _ in read.switched(since)}
    assert switched >= {key for user in (rita, rob) for key, state in read.states(user).items() if state}


def test_probe_finds_working_access(read):
    rita = read.user()
    read.allow_impersonation_only()

    inventory.refresh(clients.crm(), [rita.pk])

    assert FilterAccess.objects.get().reading == Access.ACTING
    assert read.user().appointments == Cell.ON


def test_one_denied_user_does_not_change_access(read):
    read.cloud.fail({"method": "PATCH", "table": "userquery", "status": 403, "times": 1})

    run = done(read.user())

    assert outcome(run, read.user()) == Outcome.DENIED
    assert FilterAccess.objects.get().writing == Access.DIRECT


def test_complete_denial_is_stored_as_no_access(read):
    read.cloud.fail({"method": "PATCH", "table": "userquery", "status": 403, "times": 50})

    run = done(read.user())

    assert outcome(run, read.user()) == Outcome.DENIED
    assert FilterAccess.objects.get().writing == Access.NONE
