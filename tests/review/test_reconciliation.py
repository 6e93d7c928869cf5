"""The report after a restore, as `manage.py reconcile` prints it: recognized, lost, open and differing decisions."""

from __future__ import annotations

import io
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from syncapp.mirror import cursors
from syncapp.mirror.edits import pull
from syncapp.models import AuditEntry, Decision, MirrorCursor, SyncField
from syncapp.models.mirror.sync_field import FieldDecision
from syncapp.models.review.decision import DecisionState
from syncapp.review import decision_log, decisions, follow_ups, reconciliation
from tests.support import backup
from tests.support.people import browser, rita, rob
from tests.support.screen import Screen, opened
from tests.support.world import World

pytestmark = pytest.mark.django_db(transaction=True)

NEEDS_ACTION = 3


@pytest.fixture
def log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Path:
    """Return the file to which `logged` writes the log so far."""
    caplog.set_level(logging.INFO, "syncapp.review.decision_log")
    return tmp_path / "web.log"


def logged(log: Path, caplog: pytest.LogCaptureFixture) -> str:
    log.write_text("\n".join(caplog.messages))
    return str(log)


def reconcile(*arguments: str) -> tuple[int, str]:
    """Return the command's exit status and output."""
    out = io.StringIO()
    try:
        call_command("reconcile", *arguments, stdout=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue()
    return 0, out.getvalue()


def report_as_json(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(reconcile("--json", *arguments)[1])
    return found


def write(world: World, field: SyncField) -> None:
    world.decide(approve=(field,))
    world.forward()
    world.deliver()


def test_report_without_findings_exits_with_zero(world: World):
    write(world, world.edited(jobtitle="Head")["jobtitle"])

    status, words = reconcile("--apply")

    assert status == 0, words
    assert "0 decided before a restore, recognized by the CRM's rows." in words


def test_recognized_decisions_are_listed_by_name(world: World, tmp_path: Path):
    rita()
    field = world.edited(jobtitle="Head")["jobtitle"]
    kept = backup.back_up(tmp_path)
    write(world, field)
    backup.restore(kept)

    status, words = reconcile("--apply")

    assert status == 0, words
    assert "1 decided before a restore, recognized by the CRM's rows:" in words
    assert f"{field.record.name}, Job Title (edit {field.record_id}): approved by Rita, " in words


def test_report_changes_nothing_without_apply(world: World, tmp_path: Path, log: Path, caplog):
    rita()
    fields = world.edited(jobtitle="Head", telephone1="0123")
    kept = backup.back_up(tmp_path)
    write(world, fields["jobtitle"])
    world.decide(approve=(fields["telephone1"],))
    file = logged(log, caplog)
    backup.restore(kept)

    status, _ = reconcile("--log", file)

    assert status == NEEDS_ACTION
    assert not Decision.objects.exists()
    assert set(SyncField.objects.values_list("decision", flat=True)) == {FieldDecision.PENDING}


def test_lost_decision_is_shown_with_field(world: World, tmp_path: Path, log: Path, caplog):
    rita()
    fields = world.edited(jobtitle="Head", telephone1="0123")
    kept = backup.back_up(tmp_path)
    write(world, fields["jobtitle"])
    world.decide(approve=(fields["telephone1"],))
    file = logged(log, caplog)
    backup.restore(kept)

    status, words = reconcile("--apply", "--log", file)

    assert status == NEEDS_ACTION
    assert "1 decided according to the log, but lost: decide again:" in words
    assert "Business Phone" in words.partition("but lost")[2]
    page = opened(browser(rob()), fields["telephone1"].record)
    assert "Rita approved this at" in page.words
    assert "It was not written. Decide again." in page.words
    assert page.offers(f"do=approve:{fields['telephone1'].pk}")
    entry = AuditEntry.objects.get(action="field.lost.approved")
    assert (entry.actor, entry.field_id) == (None, fields["telephone1"].pk)
    activity = Screen(browser(rob()).get("/activity/?area=decision")).words
    assert "Approval lost" in activity
    assert "It was not written." in activity


def test_decision_taken_again_is_not_lost(world: World, tmp_path: Path, log: Path, caplog):
    rita()
    field = world.edited(jobtitle="Head")["jobtitle"]
    kept = backup.back_up(tmp_path)
    world.decide(approve=(field,))
    file = logged(log, caplog)
    backup.restore(kept)
    assert reconcile("--apply", "--log", file)[0] == NEEDS_ACTION
    assert Decision.objects.get().state == DecisionState.LOST
    field.refresh_from_db()

    write(world, field)

    assert reconcile("--apply", "--log", file)[0] == 0
    assert "approved this" not in opened(browser(rob()), field.record).words
    assert world.written(field.record.contact, "jobtitle") == ["Head"]


def test_lost_decision_is_recorded_once(world: World, tmp_path: Path, log: Path, caplog):
    rita()
    field = world.edited(jobtitle="Head")["jobtitle"]
    kept = backup.back_up(tmp_path)
    world.decide(approve=(field,))
    file = logged(log, caplog)
    backup.restore(kept)

    for _ in range(2):
        reconcile("--apply", "--log", file)

    assert Decision.objects.count() == AuditEntry.objects.filter(action="field.lost.approved").count() == 1


def test_lost_decision_found_in_crm_is_recognized(world: World, tmp_path: Path, log: Path, caplog):
    rita()
    field = world.edited(jobtitle="Head")["jobtitle"]
    kept = backup.back_up(tmp_path)
    write(world, field)
    file = logged(log, caplog)
    backup.restore(kept)
    reconciliation.record_lost(reconciliation.find_lost(decision_log.parse(Path(file).read_text().splitlines())))
    assert Decision.objects.get().state == DecisionState.LOST

    world.pull()

    assert Decision.objects.get().state == DecisionState.WRITTEN
    assert SyncField.objects.get().decision == FieldDecision.APPROVED


def test_lost_follow_up_is_reported(world: World, tmp_path: Path, log: Path, caplog):
    field = world.edited(jobtitle="Head")["jobtitle"]
    write(world, field)
    kept = backup.back_up(tmp_path)
    follow_ups.put_back(field.pk, by=rita(), reason="Wrong person")
    file = logged(log, caplog)
    backup.restore(kept)

    found = report_as_json("--apply", "--log", file)["lost"]

    assert [(each["kind"], each["by"]) for each in found] == [("put_back", "Rita")]
    assert "Rita asked to put the old value back at" in opened(browser(rob()), field.record).words


def test_undone_decision_is_not_lost(world: World, tmp_path: Path, log: Path, caplog):
    field = world.edited(jobtitle="Head")["jobtitle"]
    kept = backup.back_up(tmp_path)
    taken = world.decide(approve=(field,)).taken[0]
    decisions.undo(taken.pk, by=rita())
    file = logged(log, caplog)
    backup.restore(kept)

    assert report_as_json("--apply", "--log", file)["lost"] == []


def test_value_changed_after_write_is_reported(world: World, tmp_path: Path):
    field, other = world.edited(jobtitle="Head")["jobtitle"], world.edited(1, jobtitle="Chief")["jobtitle"]
    kept = backup.back_up(tmp_path)
    for each in (field, other):
        write(world, each)
    world.form(field.record.contact, jobtitle="Changed in the CRM since")
    backup.restore(kept)

    found = report_as_json("--apply")

    assert [each["field"] for each in found["differing"]] == [str(field.pk)]
    assert len(found["recognized"]) == 2
    assert found["needs_someone"]
    assert report_as_json("--offline")["differing"] is None


def test_open_delivery_is_listed(world: World):
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.decide(approve=(field,))

    (delivery,) = report_as_json()["deliveries"]

    assert delivery["contact"] == str(field.record.contact)


def test_unmarked_field_needs_attention(world: World):
    field = world.edited(jobtitle="Head")["jobtitle"]
    write(world, field)
    world.forward()
    SyncField.objects.update(crm_state=0, finished_at="2026-01-01T00:00:00Z")

    found = report_as_json()

    assert [each["field"] for each in found["unmarked"]] == [str(field.pk)]


def test_unavailable_crm_is_reported(world: World):
    world.edited(jobtitle="Head")
    world.faults({"method": "GET", "status": 503})

    with pytest.raises(CommandError, match="The CRM could not be read"):
        call_command("reconcile", "--apply")
    assert reconcile("--offline")[0] == 0


def test_missing_log_is_reported(world: World, tmp_path: Path):
    with pytest.raises(CommandError, match="The log cannot be read"):
        call_command("reconcile", "--offline", "--log", str(tmp_path / "none.log"))


def test_command_waits_for_lease_from_backup(world: World, settings: Settings):
    settings.LEASE = 1
    world.edited(jobtitle="Head")
    reader = cursors.acquire(pull.FIELDS)
    assert reader is not None

    assert reconcile("--apply")[0] == 0

    cursor = MirrorCursor.objects.get(table=pull.FIELDS)
    assert (cursor.fencing_token, cursor.lease_until) == (reader.fencing_token + 1, None)
