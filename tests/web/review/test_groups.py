"""Groups of fields that are decided together unless they are split."""

from __future__ import annotations

import pytest
from django.utils import timezone

from syncapp import preferences
from syncapp.models import SyncField, SyncRecord
from syncapp.models.mirror.sync_field import FieldDecision
from syncapp.review.context import digest
from tests.support.factories import make_field, make_record
from tests.support.people import ada, browser, rita
from tests.support.screen import Screen, on, opened, pressed

pytestmark = pytest.mark.django_db
COLUMNS = ("address1_line1", "address1_city")
SPLIT = "?split=address"


@pytest.fixture
def parts() -> list[SyncField]:
    """Return the fields of an edit: two in the address group, one in no group."""
    record = make_record()
    make_field(record)
    return [make_field(record, column, proposed_value=f"New {column}") for column in COLUMNS]


def record_of(parts: list[SyncField]) -> SyncRecord:
    return parts[0].record


def states(parts: list[SyncField]) -> set[str]:
    return set(SyncField.objects.filter(pk__in=[part.pk for part in parts]).values_list("decision", flat=True))


def test_group_parts_have_no_buttons(parts):
    screen = opened(browser(rita()), record_of(parts))

    assert "Address 2 fields, decided together." in screen.words
    assert screen.offers("do=approve:group-address")
    assert not any(screen.offers(f"do={verb}:{part.pk}") for part in parts for verb in ("approve", "reject", "correct"))


def test_part_changed_in_crm_is_not_decided(parts):
    third = make_field(record_of(parts), "address1_postalcode", proposed_value="0150")
    changed = parts[0]
    SyncField.objects.filter(pk=changed.pk).update(crm_now_value="Elsewhere 1", crm_now_read_at=timezone.now())
    client, record = browser(rita()), record_of(parts)
    screen = opened(client, record)

    pressed(client, screen, record, "do=approve:group-address")

    assert screen.offers(f"do=approve:{changed.pk}")
    assert (states([changed]), states([parts[1], third])) == ({FieldDecision.PENDING}, {FieldDecision.APPROVED})


def test_keys_act_on_group_head_only(parts):
    html = opened(browser(rita()), record_of(parts)).html
    head = html.split('data-field="group-address"', 1)[1].split("</li>", 1)[0]

    for part in parts:
        own = html.split(f'data-field="{part.pk}"', 1)[1].split("</li>", 1)[0]
        assert f'name="seen.{part.pk}"' in head
        assert 'name="seen.' not in own


def test_group_is_approved_and_undone_together(parts):
    client = browser(rita())

    screen = pressed(client, opened(client, record_of(parts)), record_of(parts), "do=approve:group-address")
    assert states(parts) == {FieldDecision.APPROVED}

    pressed(client, screen, record_of(parts), "do=undo")
    assert states(parts) == {FieldDecision.PENDING}


def test_group_rejection_shares_one_reason(parts):
    client, record = browser(rita()), record_of(parts)
    typed = {"code.group-address": "not_correct", "text.group-address": "He did not move."}

    pressed(client, opened(client, record), record, "do=reject:group-address", **typed)

    assert {part.decisions.get().reason for part in parts} == {"He did not move."}


def test_ticked_group_is_decided_with_ticked_fields(parts):
    client, record = browser(rita()), record_of(parts)
    alone = record.fields.get(column_name="jobtitle")
    typed = {"tick.group-address": "1", on(alone, "mark"): "reject"}

    pressed(client, opened(client, record), record, "do=marked", **typed)

    alone.refresh_from_db()
    assert (states(parts), alone.decision) == ({FieldDecision.APPROVED}, FieldDecision.REJECTED)


def test_split_group_stays_split(parts):
    client, record = browser(rita()), record_of(parts)
    split = opened(client, record, SPLIT)
    assert split.offers(f"do=approve:{parts[0].pk}")

    screen = pressed(client, split, record, f"do=approve:{parts[0].pk}")

    assert states(parts) == {FieldDecision.APPROVED, FieldDecision.PENDING}
    assert screen.input("split") == "address"


def test_unsplit_form_cannot_decide_one_part(parts):
    client, record = browser(rita()), record_of(parts)
    form = {"do": f"approve:{parts[0].pk}", on(parts[0], "seen"): digest(parts[0])}

    screen = Screen(client.post(f"/review/{record.pk}/decide", form))

    assert screen.status == 422
    assert "Address is decided together" in screen.words
    assert states(parts) == {FieldDecision.PENDING}


def test_groups_come_from_settings(parts):
    preferences.change(by=ada(), field_groups=[])

    assert "decided together" not in opened(browser(rita()), record_of(parts)).words


def test_rejection_without_required_reason_is_refused(parts):
    preferences.change(by=ada(), reason_required=True)
    client, record = browser(rita()), record_of(parts)

    screen = pressed(client, opened(client, record), record, "do=reject:group-address")

    assert "Choose a reason for rejecting." in screen.words
    assert states(parts) == {FieldDecision.PENDING}


def test_optional_reason_may_be_empty(parts):
    client, record = browser(rita()), record_of(parts)

    pressed(client, opened(client, record), record, "do=reject:group-address")

    assert states(parts) == {FieldDecision.REJECTED}
