"""The history of one user: runs, changes by others, and restoring."""

from __future__ import annotations

import pytest
from django.utils import timezone

from syncapp.connection import clients
from syncapp.crm.directory.records import SyncMethod
from syncapp.models import FilterAccess, FilterRun, FilterRunItem
from syncapp.models.sync_filters.filter import Access
from syncapp.models.sync_filters.run import Plan, RunOperation, RunState
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.inventory import user_history
from syncapp.sync_filters.runs import creation, job, switching_on, transitions, undo
from tests.support import backup
from tests.support.people import fred
from tests.sync_filters.users import make_user

NOW = timezone.now()


def carry_out(run):
    """Start the run and switch its users."""
    transitions.start(run, by=fred())
    job.work(run.pk, crm=clients.verified_client(), seconds=20)


def test_restoring_filters_plans_run_for_one_user(scenery):
    scenery.read()
    rita, rob = scenery.user(), scenery.user("Rob Marchetti")
    before = scenery.states(rita)
    run = creation.create_run([rita.pk, rob.pk], creation.RunSpec(("contact", "task"), on=False), by=fred())
    carry_out(run)

    (part,) = user_history.history_of(rita)
    restored = undo.restore(part.item, by=fred())

    assert (part.may_be_restored, sorted(change.table for change in part.written)) == (True, ["contact", "task"])
    assert user_history.outside_changes(rita, [part])[0].by == "the user"
    assert (restored.state, restored.undoes, restored.items.get().user) == (RunState.PLANNED, run, rita)
    with pytest.raises(NotPossible):
        undo.restore(part.item, by=fred())
    carry_out(restored)
    assert scenery.states(rita) == before
    assert scenery.states(rob) != before
    assert [each.item.run.number for each in user_history.history_of(rita)] == [restored.number, run.number]
    assert not any(each.may_be_restored for each in user_history.history_of(rita))
    assert undo.count_undoable(run) == 1


@pytest.mark.django_db(transaction=True)  # PostgreSQL flushes no table whose constraints are still deferred
@pytest.mark.parametrize("access", [Access.DIRECT, Access.ACTING])
def test_switch_after_backup_is_attributed_to_portal(scenery, tmp_path, access):
    scenery.read()
    FilterAccess.objects.update(reading=access, writing=access)
    rita = scenery.user()
    kept = backup.back_up(tmp_path)
    carry_out(creation.create_run([rita.pk], creation.RunSpec(("contact",), on=False), by=fred()))
    backup.restore(kept)

    scenery.read()

    rita = scenery.user()
    last = user_history.outside_changes(rita, user_history.history_of(rita))[0]
    assert (last.row.is_on, last.by) == (False, user_history.UNKNOWN_RUN)


@pytest.mark.django_db(transaction=True)
def test_switch_after_backup_is_not_users_choice(scenery, tmp_path):
    scenery.read()
    FilterAccess.objects.update(reading=Access.ACTING, writing=Access.ACTING)
    rita = scenery.user()
    kept = backup.back_up(tmp_path)
    carry_out(creation.create_run([rita.pk], creation.RunSpec(("contact",), on=False), by=fred()))
    backup.restore(kept)
    scenery.read()

    run = creation.create_run([rita.pk], creation.RunSpec(("contact",), on=True), by=fred())

    assert run.items.get().plan == Plan.CHANGE
    assert not switching_on.items_switched_off_by_owners(run).exists()


def test_restoring_filters_counts_meetings_first(scenery):
    scenery.read()
    rita = scenery.user()
    for key in scenery.states(rita):
        scenery.change("userqueries", key, statecode=1, statuscode=2)
    scenery.read()
    run = creation.create_run([rita.pk], creation.RunSpec(APPOINTMENT_TABLES, on=True), by=fred())
    carry_out(run)

    restored = undo.restore(user_history.history_of(rita)[0].item, by=fred())

    assert (restored.state, restored.items.get().needs_count) == (RunState.COUNTING, True)
    transitions.cancel(restored, by=fred())
    assert user_history.history_of(rita)[0].may_be_restored
    assert run.items.get().plan == Plan.CHANGE


@pytest.mark.parametrize(("traces", "plan"), [({}, Plan.CHANGE), ({"incoming": 1}, Plan.HELD)])
def test_restoring_risky_method_holds_user_back(db, traces, plan):
    user = make_user("Rita Lindqvist", SyncMethod.NONE, mailbox_etag="2", **traces)
    run = FilterRun.objects.create(
        number=1,
        state=RunState.DONE,
        operation=RunOperation.METHOD,
        wanted_method=SyncMethod.NONE,
        person=fred(),
        finished_at=NOW,
    )
    item = FilterRunItem.objects.create(
        run=run, position=0, user=user, plan=Plan.CHANGE, outcome="done", state="done", finished_at=NOW, due_at=NOW
    )
    found = {"mailbox_id": user.mailbox_id, "mailbox_etag_after": "2", "mailbox_written": True}
    FilterRunItem.objects.filter(pk=item.pk).update(**found, found_method=1, wanted_method=SyncMethod.NONE)

    restored = undo.restore(user_history.history_of(user)[0].item, by=fred())

    back = restored.items.get()
    assert (restored.sets_mailbox_method, back.wanted_method, back.plan) == (True, SyncMethod.SERVER_SIDE, plan)
    assert ("twice" in back.why) == (plan == Plan.HELD)
