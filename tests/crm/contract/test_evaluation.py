"""Evaluation of filters as their owner: counts, rows, and organized meetings."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from syncapp.crm import errors
from syncapp.crm.directory.records import ActingFor
from syncapp.crm.filters import fetch_xml
from syncapp.crm.filters.records import RowCount
from tests.crm.contract.scene import IDS

NOW = datetime.now(UTC)


def _create(scene, set_name, **values) -> UUID:
    key = scene.cloud.call("POST", set_name, values, Prefer="return=representation")
    return UUID(key["activityid" if "activityid" in key else f"{set_name[:-1]}id"])


def _task(scene, name, subject="Call back", state=0) -> UUID:
    owner = {"ownerid@odata.bind": f"/systemusers({IDS[name]})"}
    return _create(scene, "tasks", subject=subject, statecode=state, **owner)


def _meeting(scene, organizer, *guests, in_days=3, subject="Price talks", **more) -> UUID:
    parties = [{"partyid_systemuser@odata.bind": f"/systemusers({IDS[organizer]})", "participationtypemask": 7}]
    parties += [
        {"partyid_systemuser@odata.bind": f"/systemusers({IDS[guest]})", "participationtypemask": 5} for guest in guests
    ]
    starts = NOW + timedelta(days=in_days)
    return _create(
        scene,
        "appointments",
        subject=subject,
        scheduledstart=starts.strftime("%Y-%m-%dT%H:%M:%SZ"),
        scheduledend=(starts + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        appointment_activity_parties=parties,
        **{"ownerid@odata.bind": f"/systemusers({IDS[organizer]})"},
        **more,
    )


def _about(found, condition: str):
    """Return the filter with another condition."""
    xml = (
        f'<fetch><entity name="{found.table}"><all-attributes/><order attribute="subject"/>{condition}</entity></fetch>'
    )
    return replace(found, fetch_xml=xml)


MINE = '<filter><condition attribute="ownerid" operator="eq-userid"/></filter>'


def test_own_rows_filter_counts_impersonated_users_rows(scene):
    rita, rob = scene.user("Rita"), scene.user("Rob")
    mine = _about(scene.filters("Rita")["task"], MINE)
    before = [scene.crm.evaluation.counts([mine], acting_for=user.acting)[0].number for user in (rita, rob)]
    for _ in range(3):
        _task(scene, "Rita")

    after = [scene.crm.evaluation.counts([mine], acting_for=user.acting)[0].number for user in (rita, rob)]

    assert [now - then for now, then in zip(after, before, strict=True)] == [3, 0]


def test_every_filter_is_counted(scene):
    rita = scene.user("Rita")
    filters = list(scene.filters("Rita").values())

    counts = scene.crm.evaluation.counts(filters, acting_for=rita.acting)

    assert len(counts) == len(filters)
    assert all(isinstance(each, RowCount) for each in counts)


def test_refused_filter_does_not_stop_other_counts(scene):
    rita = scene.user("Rita")
    task = scene.filters("Rita")["task"]
    broken = _about(task, '<filter><condition attribute="nosuchcolumn" operator="eq" value="1"/></filter>')

    refused, counted = scene.crm.evaluation.counts([broken, task], acting_for=rita.acting)

    assert isinstance(refused, errors.Rejected)
    assert isinstance(counted, RowCount)


def test_count_beyond_limit_is_marked_incomplete(scene):
    rita, task = scene.user("Rita"), scene.filters("Rita")["task"]
    scene.cloud.fail({"method": "GET", "table": "task", "status": 400, "code": "0x8004E023", "times": 1})

    counts = scene.crm.evaluation.counts([task, task], acting_for=rita.acting)

    assert counts[0] == RowCount(50_000, more=True)
    assert not counts[1].more


@pytest.mark.parametrize("xml", ["", "<fetch/>", "<fetch><entity name='account'/></fetch>", "<!DOCTYPE a><a/>"])
def test_invalid_fetchxml_is_not_sent(scene, xml):
    rita = scene.user("Rita")
    broken = replace(scene.filters("Rita")["task"], fetch_xml=xml)
    scene.cloud.fail({"status": 500})

    with pytest.raises(errors.ProtocolError):
        scene.crm.evaluation.counts([broken], acting_for=rita.acting)


def test_rows_have_displayed_texts(scene):
    rita = scene.user("Rita")
    task = _task(scene, "Rita", subject="A & B <together>")
    mine = _about(scene.filters("Rita")["task"], MINE)

    selection = scene.crm.evaluation.rows(mine, columns=["subject", "statecode"], acting_for=rita.acting)

    assert selection.complete
    (row,) = [row for row in selection.rows if row.id == task]
    assert row.texts == {"subject": "A & B <together>", "statecode": "Open"}


@pytest.mark.parametrize("size", [1, 2, 3])
def test_paged_rows_are_unique(scene, size, monkeypatch):
    rita = scene.user("Rita")
    tasks = {_task(scene, "Rita") for _ in range(5)}
    mine = _about(scene.filters("Rita")["task"], MINE)
    monkeypatch.setattr("syncapp.crm.filters.fetch_xml.MAX_PAGE_SIZE", size)

    selection = scene.crm.evaluation.rows(mine, acting_for=rita.acting)

    ids = [row.id for row in selection.rows]
    assert tasks <= set(ids)
    assert len(set(ids)) == len(ids)


def test_row_limit_is_respected(scene):
    rita = scene.user("Rita")
    for _ in range(4):
        _task(scene, "Rita")
    mine = _about(scene.filters("Rita")["task"], MINE)

    selection = scene.crm.evaluation.rows(mine, acting_for=rita.acting, limit=3)

    assert (len(selection.rows), selection.complete) == (3, False)


def test_row_with_several_links_counts_once(scene):
    rita = scene.user("Rita")
    link = '<link-entity name="activityparty" from="activityid" to="activityid" link-type="inner"/>'
    found = _about(scene.filters("Rita")["appointment"], MINE + link)
    (before,) = scene.crm.evaluation.counts([found], acting_for=rita.acting)
    _meeting(scene, "Rita", "Rob", "Fred")

    (after,) = scene.crm.evaluation.counts([found], acting_for=rita.acting)
    selection = scene.crm.evaluation.rows(found, acting_for=rita.acting)

    assert after.number - before.number == 1
    assert len(selection.rows) == after.number


def _organized(scene, *names):
    ids = [IDS[name] for name in names]
    return scene.crm.evaluation.organized_meetings(ids, table="appointment", after=NOW)


def test_only_future_organized_meetings_with_attendees_are_found(scene):
    (before,) = _organized(scene, "Nils")
    wanted = _meeting(scene, "Nils", "Rita", "Rob", subject="Price talks")
    _meeting(scene, "Nils", subject="Alone")
    _meeting(scene, "Nils", "Rob", in_days=-3, subject="Over")
    _meeting(scene, "Rob", "Nils", subject="A guest there")

    (after,) = _organized(scene, "Nils")

    new = set(after.meetings) - set(before.meetings)
    assert [(each.id, each.subject, each.attendees) for each in new] == [(wanted, "Price talks", 2)]
    assert after.complete
    assert all(each.starts > NOW for each in new)


def test_meetings_beyond_one_page_are_marked_incomplete(scene, monkeypatch):
    monkeypatch.setattr(fetch_xml, "MAX_PAGE_SIZE", 1)
    _meeting(scene, "Nils", "Rita", "Rob")

    (found,) = _organized(scene, "Nils")

    assert (len(found.meetings), found.complete) == (1, False)


def test_canceled_meeting_is_left_out(scene):
    (before,) = _organized(scene, "Nils")
    meeting = _meeting(scene, "Nils", "Rita")
    scene.change("appointments", meeting, statecode=2, statuscode=4)

    (after,) = _organized(scene, "Nils")

    assert after.meetings == before.meetings


def test_meetings_of_each_user_are_read_independently(scene):
    scene.cloud.fail({"method": "GET", "table": "activityparty", "status": 403, "times": 1})

    refused, counted = _organized(scene, "Rita", "Rob")

    assert refused.meetings is None
    assert isinstance(refused.error, errors.Forbidden)
    assert (counted.user_id, counted.error) == (IDS["Rob"], None)


@pytest.mark.parametrize("table", ["appointment", "serviceappointment", "recurringappointmentmaster"])
def test_every_meeting_table_can_be_queried(scene, table):
    (found,) = scene.crm.evaluation.organized_meetings([uuid4()], table=table, after=NOW)

    assert found.meetings == ()


def test_empty_input_sends_no_request(scene):
    scene.cloud.fail({"status": 500})

    assert scene.crm.evaluation.organized_meetings([], table="appointment", after=NOW) == ()
    assert scene.crm.evaluation.counts([], acting_for=ActingFor(uuid4())) == ()
    with pytest.raises(ValueError, match="At most 50"):
        scene.crm.evaluation.organized_meetings([uuid4()] * 51, table="appointment", after=NOW)
