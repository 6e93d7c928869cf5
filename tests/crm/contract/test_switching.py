"""Switching filters: each owner independently, with proof, never twice."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from syncapp.crm import errors
from syncapp.crm.directory.records import ActingFor, SyncMethod
from syncapp.crm.filters.records import FilterChange, FilterSwitch, MethodChange
from syncapp.crm.transport import Deadline
from tests.crm.contract import removed_checks
from tests.crm.contract.scene import IDS, OURSELVES, another_version, switch_off
from tests.support.altered_answers import altered


def test_filters_of_owner_are_switched_in_one_transaction(scene):
    filters = scene.filters("Rita")

    (result,) = scene.crm.filters.switch([switch_off(filters["appointment"], filters["task"])])

    assert result.proved
    assert {each.table for each in result.now if not each.is_on} == {"appointment", "task"}
    assert scene.states() == [(str(filters["appointment"].id), [0, 1]), (str(filters["task"].id), [0, 1])]
    assert len({entry["transaction"] for entry in scene.written()}) == 1


def test_switch_restores_status_reason(scene):
    found = scene.filters("Rita")["task"]
    (off,) = scene.crm.filters.switch([switch_off(found)])
    (now,) = [each for each in off.now if each.id == found.id]

    back = FilterChange(now.id, active=True, etag=now.etag, status=3)
    (result,) = scene.crm.filters.switch([FilterSwitch(found.owner_id, (back,))])

    assert result.proved
    assert [(each.state, each.status) for each in result.now if each.id == found.id] == [(0, 3)]


def test_status_of_other_state_is_rejected(scene):
    found = scene.filters("Rita")["task"]
    wrong = FilterChange(found.id, active=False, etag=found.etag, status=1)

    (result,) = scene.crm.filters.switch([FilterSwitch(found.owner_id, (wrong,))])

    assert isinstance(result.error, errors.Rejected)
    assert scene.written() == []


def test_owners_are_switched_in_separate_transactions(scene):
    switches = [switch_off(scene.filters(name)["appointment"]) for name in ("Rita", "Rob", "Fred")]

    results = scene.crm.filters.switch(switches, deadline=Deadline.after(10))

    assert [result.owner_id for result in results] == [IDS["Rita"], IDS["Rob"], IDS["Fred"]]
    assert all(result.proved for result in results)
    assert len({entry["transaction"] for entry in scene.written()}) == 3


def test_stale_filter_does_not_stop_other_owners(scene):
    rita, rob, fred = (scene.filters(name)["appointment"] for name in ("Rita", "Rob", "Fred"))
    scene.change("userqueries", rob.id, name="Renamed meanwhile")

    first, changed, last = scene.crm.filters.switch([switch_off(each) for each in (rita, rob, fred)])

    assert (first.proved, last.proved) == (True, True)
    assert isinstance(changed.error, errors.Stale)
    assert (changed.as_requested, changed.error.may_have_applied) == (False, False)
    assert {entry["id"] for entry in scene.written()} == {str(rita.id), str(fred.id)}


def test_filters_of_owner_are_switched_all_or_none(scene):
    filters = scene.filters("Rita")

    (result,) = scene.crm.filters.switch([switch_off(filters["appointment"], another_version(filters["task"]))])

    assert isinstance(result.error, errors.Stale)
    assert scene.written() == []
    for now in (scene.filters("Rita"), {each.table: each for each in result.now}):
        assert (now["appointment"].is_on, now["task"].is_on) == (True, True)


@pytest.mark.parametrize("any_version", [True, False])
def test_deleted_filter_is_never_recreated(scene, any_version):
    found = scene.filters("Rita")["task"]
    scene.delete("userqueries", found.id)

    (result,) = scene.crm.filters.switch([switch_off(found, any_version=any_version)])

    assert isinstance(result.error, errors.NotFound | errors.Stale)
    assert result.as_requested is False
    assert scene.written() == []
    assert "task" not in scene.filters("Rita")


def test_switch_without_etag_succeeds_on_changed_filter(scene):
    found = scene.filters("Rita")["task"]
    scene.change("userqueries", found.id, name="Renamed meanwhile")

    (result,) = scene.crm.filters.switch([switch_off(found, any_version=True)])

    assert result.proved


def test_impersonated_switch_is_recorded_under_owner(scene):
    rita = scene.user("Rita")

    (result,) = scene.crm.filters.switch([switch_off(scene.filters("Rita")["task"])], acting_for=rita.acting)

    (entry,) = scene.written()
    assert (entry["caller"], entry["on_behalf_of"]) in {
        (str(rita.id), str(OURSELVES)),
        (str(OURSELVES), str(rita.id)),
    }
    assert result.proved
    assert [(each.modified_by, each.modified_for_by) for each in result.now if each.table == "task"] == [
        (rita.id, OURSELVES)
    ]


def test_direct_switch_is_recorded_as_ours(scene):
    (result,) = scene.crm.filters.switch([switch_off(scene.filters("Rita")["task"])])

    assert [each.modified_by for each in result.now if each.table == "task"] == [OURSELVES]
    assert result.proved


def test_impersonation_works_without_entra_id(scene):
    acting = ActingFor(IDS["Rita"], entra_id=None)

    (result,) = scene.crm.filters.switch([switch_off(scene.filters("Rita")["task"])], acting_for=acting)

    assert result.proved


def test_ignored_impersonation_is_detected(scene):
    # With the header for the CRM's own ids, an unknown id is ignored, and the call runs as our own user.
    stranger = ActingFor(uuid4(), entra_id=None)
    found = scene.filters("Rita")["task"]
    pretended = FilterSwitch(stranger.user_id, (FilterChange(found.id, active=False, etag=found.etag),))

    (result,) = scene.crm.filters.switch([pretended], acting_for=stranger)

    assert not result.proved
    assert scene.crm.who_am_i(acting_for=stranger).user_id == OURSELVES


def test_ignored_impersonation_stops_further_switches(scene, monkeypatch):
    names = [scene.user(name).acting for name in ("Rita", "Rob", "Fred")]
    rita, rob, fred = (scene.filters(name)["task"] for name in ("Rita", "Rob", "Fred"))
    removed_checks.ignore_impersonation(monkeypatch)

    # A refused switch does not show whether impersonation works, so the next one is also sent alone.
    switches = [switch_off(another_version(rita)), switch_off(rob), switch_off(fred)]
    refused, first, never = scene.crm.filters.switch_as_owners(switches, names)

    assert isinstance(refused.error, errors.Stale)
    assert (first.wrong_author, first.proved) == (True, False)
    assert isinstance(never, errors.WritesDisabled)
    assert {entry["id"] for entry in scene.written()} == {str(rob.id)}


def test_unknown_entra_id_is_refused(scene):
    acting = ActingFor(IDS["Rita"], entra_id=uuid4())

    with pytest.raises(errors.Forbidden):
        scene.crm.filters.switch([switch_off(scene.filters("Rita")["task"])], acting_for=acting)

    assert scene.written() == []


@pytest.mark.parametrize("trouble", ["disable", "take_roles"])
def test_refused_impersonation_writes_nothing(scene, trouble):
    rita, found = scene.user("Rita"), scene.filters("Rita")["task"]
    scene.disable("Rita") if trouble == "disable" else scene.take_roles(rita.id)

    with pytest.raises(errors.Forbidden) as caught:
        scene.crm.filters.switch([switch_off(found)], acting_for=rita.acting)

    assert not caught.value.may_have_applied
    assert scene.written() == []


def test_impersonation_is_limited_to_own_filters(scene):
    rita, rob = scene.filters("Rita")["task"], scene.filters("Rob")["task"]
    acting = scene.user("Rita").acting

    for switches in ([switch_off(rob)], [switch_off(rita), switch_off(rob)], []):
        with pytest.raises(ValueError, match="their own"):
            scene.crm.filters.switch(switches, acting_for=acting)


def test_switch_is_not_retried_after_lost_answer(scene):
    found = scene.filters("Rita")["task"]
    scene.cloud.fail({"path": "$batch", "cut": "after_commit", "times": 1})

    with pytest.raises(errors.Unreachable) as caught:
        scene.crm.filters.switch([switch_off(found)])

    assert caught.value.may_have_applied
    assert scene.states() == [(str(found.id), [0, 1])]


def test_connection_cut_before_commit_leaves_outcome_unknown(scene):
    found = scene.filters("Rita")["task"]
    scene.cloud.fail({"path": "$batch", "cut": "before_commit", "times": 1})

    with pytest.raises(errors.Unreachable) as caught:
        scene.crm.filters.switch([switch_off(found)])

    assert caught.value.may_have_applied
    assert scene.written() == []


every_part_error = pytest.mark.parametrize(
    ("status", "kind", "open_question"),
    [
        (400, errors.Rejected, False),
        (401, errors.CredentialsRefused, False),
        (403, errors.Forbidden, False),
        (404, errors.NotFound, False),
        (412, errors.Stale, False),
        (429, errors.Throttled, False),
        (500, errors.ServerFault, True),
    ],
)


@every_part_error
def test_error_affects_only_its_owner(scene, status, kind, open_question):
    rita, rob = scene.filters("Rita")["task"], scene.filters("Rob")["task"]
    scene.cloud.fail({"method": "PATCH", "path": str(rita.id), "status": status})

    first, second = scene.crm.filters.switch([switch_off(rita), switch_off(rob)])

    assert type(first.error) is kind
    assert first.error.may_have_applied is open_question
    assert first.as_requested is False
    assert second.proved


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, errors.Rejected), (403, errors.Forbidden), (429, errors.Throttled), (500, errors.ServerFault)],
)
def test_failed_request_raises_matching_error(scene, status, kind):
    found = scene.filters("Rita")["task"]
    scene.cloud.fail({"path": "$batch", "status": status})

    with pytest.raises(kind):
        scene.crm.filters.switch([switch_off(found)])

    assert scene.written() == []


def test_failed_read_back_proves_nothing(scene):
    found = scene.filters("Rita")["task"]
    scene.cloud.fail({"method": "GET", "table": "userquery", "status": 403})

    (result,) = scene.crm.filters.switch([switch_off(found)])

    assert (result.error, result.now, result.as_requested, result.proved) == (None, None, None, False)
    assert scene.states() == [(str(found.id), [0, 1])]


def test_switch_to_same_state_is_confirmed(scene):
    found = scene.filters("Rita")["task"]
    (first,) = scene.crm.filters.switch([switch_off(found)])
    (now,) = [each for each in first.now if each.id == found.id]

    (again,) = scene.crm.filters.switch([switch_off(now)])

    assert again.proved


def test_expired_token_is_renewed_between_switches(scene):
    rita, rob = scene.filters("Rita")["task"], scene.filters("Rob")["task"]
    scene.crm.filters.switch([switch_off(rita)])
    scene.cloud.post("expire", access_tokens=True)

    (result,) = scene.crm.filters.switch([switch_off(rob)])

    assert result.proved


@pytest.mark.parametrize("write", ["switch", "set_methods"])
def test_disabled_filter_writes_send_nothing(scene, write):
    found, mailbox = scene.filters("Rita")["task"], scene.user("Rita").mailbox_id
    change = switch_off(found) if write == "switch" else MethodChange(mailbox, SyncMethod.NONE)
    client = type(scene.crm)(transport=scene.cloud.transport(), filter_writes_allowed=lambda: False)

    with pytest.raises(errors.WritesDisabled):
        getattr(client.filters, write)([change])

    assert scene.written() == []


@pytest.mark.parametrize("write", ["switch", "switch_as_owners", "set_methods"])
def test_nothing_is_switched_in_wrong_organization(scene, write):
    rita, found = scene.user("Rita"), scene.filters("Rita")["task"]
    elsewhere = scene.cloud.client(belongs_to=lambda organization_id: False)
    given = [MethodChange(rita.mailbox_id, SyncMethod.NONE)] if write == "set_methods" else [switch_off(found)]
    names = [[rita.acting]] if write == "switch_as_owners" else []

    with pytest.raises(errors.WritesDisabled) as caught:
        getattr(elsewhere.filters, write)(given, *names)

    assert caught.value.code == "another_crm"
    assert scene.written() == []


def _mailbox(scene, name):
    (found,) = scene.crm.directory.mailboxes_by_id([scene.user(name).mailbox_id])
    return found


def test_sync_methods_are_set_independently(scene):
    rita, rob = _mailbox(scene, "Rita"), _mailbox(scene, "Rob")
    scene.change("mailboxes", rita.id, name="Renamed meanwhile")
    other = (set(SyncMethod) - {rob.method}).pop()

    first, second = scene.crm.filters.set_methods(
        [MethodChange(rita.id, SyncMethod.NONE, rita.etag), MethodChange(rob.id, other, rob.etag)]
    )

    assert isinstance(first.error, errors.Stale)
    assert first.now.name == "Renamed meanwhile"
    assert second.proved
    assert [(entry["id"], entry["changes"]["actdeliverymethod"]) for entry in scene.written()] == [
        (str(rob.id), [rob.method, other])
    ]


@pytest.mark.parametrize("other", ["method", "mailbox"])
def test_unexpected_read_back_proves_nothing(scene, server, other):
    rita, rob = _mailbox(scene, "Rita"), _mailbox(scene, "Rob")
    wanted = (set(SyncMethod) - {rita.method}).pop()
    method = '"actdeliverymethod":%d'
    old, new = (method % wanted, method % rita.method) if other == "method" else (str(rita.id), str(rob.id))

    with altered(server, old, new):
        (result,) = scene.crm.filters.set_methods([MethodChange(rita.id, wanted, rita.etag)])

    assert (result.error, result.proved) == (None, False)
    assert [entry["id"] for entry in scene.written()] == [str(rita.id)]


@every_part_error
def test_error_affects_only_its_mailbox(scene, status, kind, open_question):
    rita, rob = _mailbox(scene, "Rita"), _mailbox(scene, "Rob")
    scene.cloud.fail({"method": "PATCH", "path": str(rita.id), "status": status})

    first, second = scene.crm.filters.set_methods(
        [MethodChange(each.id, SyncMethod.NONE, each.etag) for each in (rita, rob)]
    )

    assert type(first.error) is kind
    assert (first.error.may_have_applied, first.now) == (open_question, rita)
    assert second.proved


def test_missing_mailbox_is_not_created(scene):
    missing = uuid4()

    (result,) = scene.crm.filters.set_methods([MethodChange(missing, SyncMethod.NONE)])

    assert isinstance(result.error, errors.NotFound)
    assert (result.now, result.proved) == (None, False)
    assert scene.written() == []


def test_unknown_sync_method_is_rejected(scene):
    mailbox = _mailbox(scene, "Rita")

    (result,) = scene.crm.filters.set_methods([MethodChange(mailbox.id, 77, mailbox.etag)])

    assert isinstance(result.error, errors.Rejected)
    assert result.now == replace(mailbox)


def test_lost_mailbox_answer_leaves_outcome_unknown(scene):
    mailbox = _mailbox(scene, "Rita")
    scene.cloud.fail({"path": "$batch", "cut": "after_commit", "times": 1})

    with pytest.raises(errors.Unreachable) as caught:
        scene.crm.filters.set_methods([MethodChange(mailbox.id, SyncMethod.NONE, mailbox.etag)])

    assert caught.value.may_have_applied
