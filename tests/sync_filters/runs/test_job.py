"""Runs compared with the CRM's tables and its ledger: every user has an outcome, nothing is written twice."""

from __future__ import annotations

import uuid

import pytest

from syncapp.connection import clients
from syncapp.crm.directory.records import ActingFor
from syncapp.models import FilterAccess, FilterRow, FilterRun, FilterRunItem, FilterUser
from syncapp.models.sync_filters.filter import Access
from syncapp.models.sync_filters.run import Outcome, Plan, RunState
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES, Cell
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.inventory import user_lists
from syncapp.sync_filters.runs import creation, job, list_changes, meetings, switching_on, transitions, undo
from tests.support.people import browser, fred, make_person
from tests.support.screen import text
from tests.sync_filters.expected import expected_outcomes

OFF = creation.RunSpec(APPOINTMENT_TABLES, on=False, reason="Twice in Outlook")
ON = creation.RunSpec(APPOINTMENT_TABLES, on=True)


def created(*users: FilterUser, spec: creation.RunSpec = OFF) -> FilterRun:
    chosen = users or FilterUser.objects.people().order_by("name_key")
    run = creation.create_run([user.pk for user in chosen], spec, by=fred())
    while not meetings.count_next(run, crm=clients.crm()):
        pass
    run.refresh_from_db()
    return run


def released(run: FilterRun) -> FilterRun:
    held = run.items.filter(plan=Plan.HELD).values_list("pk", flat=True)
    list_changes.release(run, list(held), by=fred())
    return run


def process(run: FilterRun) -> FilterRun:
    """Process all due users as workers do."""
    while job.work(run.pk, crm=clients.verified_client(), seconds=60):
        pass
    run.refresh_from_db()
    return run


def done(*users: FilterUser, spec: creation.RunSpec = OFF) -> FilterRun:
    return process(transitions.start(released(created(*users, spec=spec)), by=fred()))


def outcome(run: FilterRun, user: FilterUser) -> str:
    return run.items.get(user=user).outcome


def test_run_turns_appointments_off_and_on(read):
    rita, since = read.user(), read.mark()
    wanted = set(
        FilterRow.objects.filter(owner_id=rita.pk, table__in=APPOINTMENT_TABLES, query_type=256).values_list(
            "pk", flat=True
        )
    )

    run = done(rita)

    assert (run.state, outcome(run, rita)) == (RunState.DONE, Outcome.DONE)
    assert sorted(read.switched(since)) == sorted((str(key), [0, 1]) for key in wanted)
    assert read.user().appointments == Cell.OFF
    done(read.user(), spec=creation.RunSpec(APPOINTMENT_TABLES, on=True))
    assert read.user().appointments == Cell.ON


def test_outcomes_match_crm_tables(read):
    ada = read.user("Ada Brennan")
    read.change("systemusers", ada.pk, isdisabled=True)
    read.read()
    done(read.user("Vera Castellano"))
    expected, since = expected_outcomes(read), read.mark()

    run = done()

    assert {str(item.user_id): item.outcome for item in run.items.all()} == expected
    assert {"done", "already", "no_filter", "disabled", "no_role"} == set(expected.values())
    written = [key for key, _ in read.switched(since)]
    assert len(written) == len(set(written)) > 0


def test_run_without_changes_writes_nothing(read):
    done(read.user())
    since = read.mark()

    run = done(read.user())

    assert (outcome(run, read.user()), read.switched(since)) == (Outcome.ALREADY, [])


def test_unreleased_organizers_are_not_switched(read):
    run = created()
    held = run.items.filter(plan=Plan.HELD)

    assert held.filter(meetings__gt=0).exists()
    assert all(item.meetings_at_risk.count() == item.meetings for item in held.filter(meetings__gt=0))
    since = read.mark()
    run = process(transitions.start(run, by=fred()))
    owners = {str(pk) for pk in held.values_list("user", flat=True)}
    written = FilterRow.objects.filter(pk__in=[key for key, _ in read.switched(since)])
    assert owners.isdisjoint({str(row.owner_id) for row in written})
    assert transitions.count_by_outcome(run)[Outcome.HELD] == len(owners)


@pytest.mark.parametrize("keeps_deletes_apart", [None, True])
def test_unreleased_add_in_organizers_are_not_switched(read, keeps_deletes_apart):
    FilterAccess.objects.update(keeps_deletes_apart=keeps_deletes_apart)
    by_add_in = FilterUser.objects.people().filter(method=0, appointments=Cell.ON, is_disabled=False)

    run = created(*by_add_in.order_by("name_key"))

    held = run.items.filter(plan=Plan.HELD)
    assert held.filter(meetings__gt=0).exists()
    assert all(item.meetings_at_risk.count() == item.meetings for item in held)
    assert all("add-in" in item.why for item in held)
    assert run.items.filter(plan=Plan.CHANGE, meetings__gt=0).count() == 0
    since = read.mark()
    process(transitions.start(run, by=fred()))
    owners = {str(pk) for pk in held.values_list("user", flat=True)}
    switched = FilterRow.objects.filter(pk__in=[key for key, _ in read.switched(since)])
    assert owners.isdisjoint({str(row.owner_id) for row in switched})


def test_uncounted_user_is_held_back(read):
    server_side = FilterUser.objects.people().filter(method=1, appointments=Cell.ON, is_disabled=False).first()
    read.cloud.fail({"method": "GET", "table": "activityparty", "status": 403, "times": 1})

    run = created(server_side)

    item = run.items.get()
    assert (item.plan, item.meetings) == (Plan.HELD, None)


def test_user_changed_since_preview_is_skipped(read):
    rita = read.user()
    run = released(created(rita))
    row = FilterRow.objects.for_outlook().get(owner_id=rita.pk, table="appointment")
    read.change("userqueries", row.pk, name="Mine")
    since = read.mark()

    run = process(transitions.start(run, by=fred()))

    assert (outcome(run, rita), read.switched(since)) == (Outcome.CHANGED, [])


def test_deleted_filter_is_not_recreated(read):
    rita = read.user()
    run = released(created(rita))
    row = FilterRow.objects.for_outlook().get(owner_id=rita.pk, table="appointment")
    read.delete("userqueries", row.pk)

    run = process(transitions.start(run, by=fred()))

    assert outcome(run, rita) == Outcome.CHANGED
    assert str(row.pk) not in read.states(rita)


def test_two_runs_switch_users_filters_once(read):
    rita = read.user()
    first, second = released(created(rita)), released(created(rita))
    since = read.mark()
    transitions.start(first, by=fred())
    transitions.start(second, by=fred())

    process(first)
    process(second)

    assert (outcome(first, rita), outcome(second, rita)) == (Outcome.DONE, Outcome.ALREADY)
    assert len(read.switched(since)) == 3


def test_lost_answer_is_read_back_before_resending(read):
    rita, since = read.user(), read.mark()
    run = transitions.start(released(created(rita)), by=fred())
    read.cloud.fail({"path": "$batch", "method": "POST", "cut": "after_commit", "times": 1})

    job.work(run.pk, crm=clients.verified_client(), seconds=5)
    item = run.items.get()
    assert (item.state, item.outcome) == ("verify", "")
    FilterRunItem.objects.update(due_at="2026-01-01T00:00Z")
    process(run)

    assert outcome(run, rita) == Outcome.DONE
    assert len(read.switched(since)) == 3


def test_denied_user_does_not_stop_run(read):
    rita, rob = read.user(), read.user("Rob Marchetti")
    run = transitions.start(released(created(rita, rob)), by=fred())
    read.cloud.fail({"method": "PATCH", "table": "userquery", "status": 403, "times": 1})

    run = process(run)

    assert sorted([outcome(run, rita), outcome(run, rob)]) == [Outcome.DENIED, Outcome.DONE]


def test_paused_run_switches_no_users(read):
    run = transitions.start(released(created(read.user())), by=fred())
    transitions.pause(run, by=fred())
    since = read.mark()

    assert process(run).state == RunState.PAUSED
    assert read.switched(since) == []
    transitions.resume(run, by=fred())
    assert process(run).state == RunState.DONE


def test_canceled_run_cancels_remaining_users(read):
    run = transitions.start(released(created(read.user())), by=fred())
    transitions.cancel(run, by=fred())

    assert outcome(process(run), read.user()) == Outcome.CANCELLED


def test_large_run_waits_for_second_person(read, settings):
    settings.SECOND_PERSON_ABOVE = 1
    run = transitions.start(released(created(read.user(), read.user("Rob Marchetti"))), by=fred())

    assert run.state == RunState.WAITING
    with pytest.raises(NotPossible, match="Someone other"):
        transitions.confirm(run, by=fred())
    assert process(transitions.confirm(run, by=make_person("Frida"))).state == RunState.DONE


def test_run_pauses_after_pilot(read):
    users = [read.user(), read.user("Rob Marchetti"), read.user("Vera Castellano")]
    run = done(*users, spec=creation.RunSpec(APPOINTMENT_TABLES, on=False, pilot=1))

    assert (run.state, run.paused_because) == (RunState.PAUSED, "pilot")
    assert transitions.count_by_outcome(run)[Outcome.DONE] == 1
    transitions.resume(run, by=fred())
    assert transitions.count_by_outcome(process(run)) == {"done": 3}


def test_run_pauses_above_failure_limit(read, monkeypatch):
    monkeypatch.setattr(transitions, "MIN_TRIED", 5)
    run = transitions.start(released(created()), by=fred())
    read.cloud.fail({"method": "PATCH", "table": "userquery", "status": 403})

    run = process(run)

    assert (run.state, run.paused_because) == (RunState.PAUSED, "failures")
    assert run.items.filter(outcome="").exists()


def test_undo_restores_exactly_what_was_found(read):
    before = {user.pk: read.states(user) for user in FilterUser.objects.people()}
    run = done()
    assert before != {user.pk: read.states(user) for user in FilterUser.objects.people()}

    back = process(undo.undo(run, by=make_person("Frida")))

    assert back.state == RunState.DONE
    assert before == {user.pk: read.states(user) for user in FilterUser.objects.people()}
    assert undo.count_undoable(run) == 0


def test_undo_skips_users_changed_after_run(read):
    rita, rob = read.user(), read.user("Rob Marchetti")
    run = done(rita, rob)
    row = FilterRow.objects.for_outlook().get(owner_id=rita.pk, table="appointment")
    read.change("userqueries", row.pk, statecode=0, statuscode=1)

    back = process(undo.undo(run, by=fred()))

    assert (outcome(back, rita), outcome(back, rob)) == (Outcome.CHANGED, Outcome.DONE)


def test_filters_are_switched_by_impersonating_each_user(scenery):
    scenery.allow_impersonation_only()
    scenery.read()
    rita, rob, since = scenery.user(), scenery.user("Rob Marchetti"), scenery.mark()

    run = released(created(rita, rob))
    scenery.change_by_ada("systemusers", rob.pk, isdisabled=True)
    run = process(transitions.start(run, by=fred()))

    assert (outcome(run, rita), outcome(run, rob)) == (Outcome.DONE, Outcome.DISABLED)
    assert len(scenery.switched(since)) == 3


def test_failed_read_back_is_repeated_before_resending(read):
    rita, since = read.user(), read.mark()
    run = transitions.start(released(created(rita)), by=fred())
    read.cloud.fail({"method": "GET", "table": "userquery", "status": 503, "times": 1})

    job.work(run.pk, crm=clients.verified_client(), seconds=5)
    assert run.items.get().state == "verify"
    FilterRunItem.objects.update(due_at="2026-01-01T00:00Z")

    assert outcome(process(run), rita) == Outcome.DONE
    assert len(read.switched(since)) == 3


def test_ignored_impersonation_pauses_run(read, monkeypatch):
    rita, rob = read.user(), read.user("Rob Marchetti")
    FilterAccess.objects.update(writing=Access.ACTING)
    run = transitions.start(released(created(rita, rob)), by=fred())
    # An id of the wrong kind: the CRM does not know it and carries the call out as our own user.
    monkeypatch.setattr(ActingFor, "headers", {"MSCRMCallerID": str(uuid.uuid4())})

    run = process(run)

    assert (run.state, run.paused_because) == (RunState.PAUSED, "impersonation")
    assert sorted([outcome(run, rita), outcome(run, rob)]) == [Outcome.OPEN, Outcome.FAILED]
    assert "not as the user" in run.items.get(outcome=Outcome.FAILED).why
    assert undo.count_undoable(run) == 1


def test_refused_request_does_not_prove_impersonation(read, monkeypatch):
    people = [read.user(), read.user("Rob Marchetti"), read.user("Vera Castellano")]
    FilterAccess.objects.update(writing=Access.ACTING)
    run, since = transitions.start(released(created(*people)), by=fred()), read.mark()
    read.cloud.fail({"method": "PATCH", "table": "userquery", "status": 403, "times": 1})
    monkeypatch.setattr(ActingFor, "headers", {"MSCRMCallerID": str(uuid.uuid4())})

    run = process(run)

    assert (run.state, run.paused_because) == (RunState.PAUSED, "impersonation")
    written = {filter_id for filter_id, _ in read.switched(since)}
    assert [bool(written & read.states(user).keys()) for user in people].count(True) == 1


def test_failed_request_affects_its_user_only(read):
    people = [read.user(), read.user("Rob Marchetti"), read.user("Vera Castellano")]
    FilterAccess.objects.update(writing=Access.ACTING)
    run, since = transitions.start(released(created(*people)), by=fred()), read.mark()
    read.cloud.fail({"path": "$batch", "method": "POST", "cut": "after_commit", "times": 1})

    job.work(run.pk, crm=clients.verified_client(), seconds=5)

    assert sorted(run.items.values_list("state", flat=True)) == ["done", "done", "verify"]
    FilterRunItem.objects.update(due_at="2026-01-01T00:00Z")
    assert process(run).state == RunState.DONE
    written = [key for key, _ in read.switched(since)]
    assert len(written) == len(set(written)) == 9


def test_switching_on_counts_choices_and_users_synced_twice(read):
    rita, rob = read.user(), read.user("Rob Marchetti")
    done(rob)
    for row in FilterRow.objects.filter(owner_id=rita.pk, table="appointment", query_type=256):
        read.change_by_ada("userqueries", row.pk, statecode=1, statuscode=2)
    run = creation.create_run([rita.pk, rob.pk], ON, by=fred())
    assert not switching_on.items_switched_off_by_owners(run).exists()
    read.read()
    FilterRow.objects.filter(owner_id=rita.pk, table="appointment").update(modified_by=rita.pk)
    user_lists.save("Riva", [read.user("Rob Marchetti").address], by=fred())

    run = creation.create_run([rita.pk, rob.pk], ON, by=fred())

    assert [item.user for item in switching_on.items_switched_off_by_owners(run)] == [rita]
    assert [item.user for item in switching_on.items_with_duplicates(run)] == [rob]
    page_text = text(browser(fred()).get(f"/filters/runs/{run.pk}/"))
    assert "1 of these users had switched a filter off themselves." in page_text
    assert "1 of these users would get their appointments twice" in page_text
    shown = text(browser(fred()).get(f"/filters/runs/{run.pk}/?part=doubled"))
    assert shown.count('role="rowheader"') == 1


def test_impersonated_switch_is_not_users_own_choice(scenery):
    scenery.allow_impersonation_only()
    scenery.read()
    done(scenery.user())
    scenery.read()
    rows = FilterRow.objects.filter(owner_id=scenery.user().pk, table__in=APPOINTMENT_TABLES, query_type=256)
    assert {row.modified_by for row in rows} == {scenery.user().pk}

    run = creation.create_run([scenery.user().pk], ON, by=fred())

    assert run.items.get().plan == Plan.CHANGE
    assert not switching_on.items_switched_off_by_owners(run).exists()
