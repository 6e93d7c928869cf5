"""Runs that set the mailbox method, compared with the CRM's rows and its ledger."""

from __future__ import annotations

from django.utils import timezone

from syncapp.crm.directory.records import SyncMethod
from syncapp.models import FilterRun, FilterUser
from syncapp.models.sync_filters.run import Outcome, Plan, RunState
from syncapp.models.sync_filters.user import SyncPaths
from syncapp.sync_filters.runs import creation, transitions, undo
from tests.support.people import fred
from tests.sync_filters.runs.test_job import outcome, process, released
from tests.web.filters.test_plan import people

__all__ = ["people"]
NONE = creation.RunSpec(method=SyncMethod.NONE, reason="Another product takes over")


def created(*users: FilterUser, spec: creation.RunSpec = NONE) -> FilterRun:
    return creation.create_run([user.pk for user in users], spec, by=fred())


def doubled(read) -> FilterUser:
    """Return a server-side user with traces of the old add-in, whose appointments arrive twice."""
    user = FilterUser.objects.people().filter(method=1, appointments="on", is_disabled=False, mailbox_state=0).first()
    read.change("mailboxes", user.mailbox_id, incomingemaildeliverymethod=1, enabledforact=True)
    read.read()
    user.refresh_from_db()
    assert user.paths == SyncPaths.TWICE
    return user


def method(read, user: FilterUser) -> int:
    (row,) = read.rows("mailboxes", f"?$select=actdeliverymethod&$filter=mailboxid eq {user.mailbox_id}")
    return row["actdeliverymethod"]


def test_method_is_set_and_undone(read):
    user, since = doubled(read), read.mark()

    run = process(transitions.start(created(user), by=fred()))

    assert (run.state, outcome(run, user), method(read, user)) == (RunState.DONE, Outcome.DONE, SyncMethod.NONE)
    assert [entry["changes"]["actdeliverymethod"] for entry in read.cloud.ledger(since)] == [[1, 2]]
    assert FilterUser.objects.get(pk=user.pk).paths == SyncPaths.NOT_AT_ALL
    back = process(undo.undo(run, by=fred()))
    assert (outcome(back, user), method(read, user)) == (Outcome.DONE, SyncMethod.SERVER_SIDE)
    assert undo.count_undoable(run) == 0


def test_plan_depends_on_mailbox(people):
    _, off, so, only, cure = people
    common = {"method": 1, "approval": 1, "enabled_for_act": True, "appointments": "on", "paths": SyncPaths.ONCE}
    FilterUser.objects.update(**common, filters_read_at=timezone.now())
    for user in (off, so, only, cure):
        FilterUser.objects.filter(pk=user.pk).update(mailbox_id=user.pk)
    FilterUser.objects.filter(pk=off.pk).update(mailbox_state=1)
    FilterUser.objects.filter(pk=so.pk).update(method=2)
    FilterUser.objects.filter(pk=cure.pk).update(paths=SyncPaths.TWICE)

    items = {item.user_id: item for item in created(*people).items.all()}

    assert [(items[each.pk].plan, items[each.pk].outcome) for each in people] == [
        (Plan.CANNOT, Outcome.NO_MAILBOX),
        (Plan.CANNOT, Outcome.NOT_READY),
        (Plan.ALREADY, Outcome.ALREADY),
        (Plan.HELD, Outcome.OPEN),
        (Plan.CHANGE, Outcome.OPEN),
    ]
    assert "only known path" in items[only.pk].why


def test_users_synced_twice_or_unapproved_stay_unchanged(people):
    user, spec = people[0], creation.RunSpec(method=SyncMethod.SERVER_SIDE)
    FilterUser.objects.update(
        mailbox_id=user.pk, method=0, appointments="on", paths=SyncPaths.ONCE, approval=1, incoming=1
    )

    twice = created(user, spec=spec).items.get()
    FilterUser.objects.update(approval=2)
    refused = created(user, spec=spec).items.get()

    assert (twice.plan, "twice" in twice.why) == (Plan.HELD, True)
    assert (refused.plan, refused.outcome) == (Plan.CANNOT, Outcome.NOT_READY)


def test_mailbox_with_changed_method_is_skipped(read):
    user = doubled(read)
    run = released(created(user))
    read.change("mailboxes", user.mailbox_id, actdeliverymethod=0)
    since = read.mark()

    run = process(transitions.start(run, by=fred()))

    assert (outcome(run, user), read.cloud.ledger(since)) == (Outcome.CHANGED, [])


def test_newer_mailbox_version_is_used(read):
    user = doubled(read)
    run = created(user)
    read.change("mailboxes", user.mailbox_id, outgoingemaildeliverymethod=1)

    assert outcome(process(transitions.start(run, by=fred())), user) == Outcome.DONE


def test_lost_answer_does_not_write_method_twice(read):
    user, since = doubled(read), read.mark()
    run = transitions.start(created(user), by=fred())
    read.cloud.fail({"path": "$batch", "method": "POST", "cut": "after_commit", "times": 1})

    process(run)
    run.items.update(due_at="2026-01-01T00:00Z")
    run = process(run)

    assert (outcome(run, user), method(read, user)) == (Outcome.DONE, SyncMethod.NONE)
    assert len(read.cloud.ledger(since)) == 1
