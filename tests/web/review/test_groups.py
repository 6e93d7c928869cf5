"""Fields that are decided together, unless somebody splits them on purpose."""

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
    """Two fields of the address, and beside them one of no group."""
    record = make_record()
    make_field(record)
    return [make_field(record, column, proposed_value=f"New {column}") for column in COLUMNS]


def record_of(parts: list[SyncField]) -> SyncRecord:
    return parts[0].record


def states(parts: list[SyncField]) -> set[str]:
    return set(SyncField.objects.filter(pk__in=[part.pk for part in parts]).values_list("decision", flat=True))


def test_a_group_has_one_pair_of_buttons_and_its_parts_have_none(parts):
    screen = opened(browser(rita()), record_of(parts))

    assert "Address 2 fields, decided together." in screen.words
    assert screen.offers("do=approve:group-address")
    assert not any(screen.offers(f"do={verb}:{part.pk}") for part in parts for verb in ("approve", "reject", "correct"))


def test_part_changed_in_crm_leaves_its_group(parts):
    third = make_field(record_of(parts), "address1_postalcode", proposed_value="0150")
    changed = parts[0]
    SyncField.objects.filter(pk=changed.pk).update(crm_now_value="Elsewhere 1", crm_now_read_at=timezone.now())
    client, record = browser(rita()), record_of(parts)
    screen = opened(client, record)

    pressed(client, screen, record, "do=approve:group-address")

    assert screen.offers(f"do=approve:{changed.pk}")
    assert (states([changed]), states([parts[1], third])) == ({FieldDecision.PENDING}, {FieldDecision.APPROVED})


def test_keys_find_the_head_open_and_its_parts_not(parts):
    html = opened(browser(rita()), record_of(parts)).html
    head = html.split('data-field="group-address"', 1)[1].split("</li>", 1)[0]

    for part in parts:
        own = html.split(f'data-field="{part.pk}"', 1)[1].split("</li>", 1)[0]
        assert f'name="seen.{part.pk}"' in head
        assert 'name="seen.' not in own


def test_one_approval_takes_all_of_the_group_and_one_undo_takes_it_back(parts):
    client = browser(rita())

    screen = pressed(client, opened(client, record_of(parts)), record_of(parts), "do=approve:group-address")
    assert states(parts) == {FieldDecision.APPROVED}

    pressed(client, screen, record_of(parts), "do=undo")
    assert states(parts) == {FieldDecision.PENDING}


def test_a_groups_rejection_keeps_one_reason_for_all(parts):
    client, record = browser(rita()), record_of(parts)
    typed = {"code.group-address": "not_correct", "text.group-address": "He did not move."}

    pressed(client, opened(client, record), record, "do=reject:group-address", **typed)

    assert {part.decisions.get().reason for part in parts} == {"He did not move."}


def test_a_marked_group_goes_with_the_other_marks_of_one_submit(parts):
    client, record = browser(rita()), record_of(parts)
    alone = record.fields.get(column_name="jobtitle")
    typed = {"tick.group-address": "1", on(alone, "mark"): "reject"}

    pressed(client, opened(client, record), record, "do=marked", **typed)

    alone.refresh_from_db()
    assert (states(parts), alone.decision) == ({FieldDecision.APPROVED}, FieldDecision.REJECTED)


def test_a_split_group_is_decided_field_by_field_and_stays_split(parts):
    client, record = browser(rita()), record_of(parts)
    split = opened(client, record, SPLIT)
    assert split.offers(f"do=approve:{parts[0].pk}")

    screen = pressed(client, split, record, f"do=approve:{parts[0].pk}")

    assert states(parts) == {FieldDecision.APPROVED, FieldDecision.PENDING}
    assert screen.input("split") == "address"


def test_a_part_is_not_decided_alone_by_a_form_that_did_not_split(parts):
    client, record = browser(rita()), record_of(parts)
    form = {"do": f"approve:{parts[0].pk}", on(parts[0], "seen"): digest(parts[0])}

    screen = Screen(client.post(f"/review/{record.pk}/decide", form))

    assert screen.status == 422
    assert "Address is decided together" in screen.words
    assert states(parts) == {FieldDecision.PENDING}


def test_the_groups_are_those_of_the_settings(parts):
    preferences.change(by=ada(), field_groups=[])

    assert "decided together" not in opened(browser(rita()), record_of(parts)).words


def test_where_a_reason_is_required_a_rejection_without_one_is_not_taken(parts):
    preferences.change(by=ada(), reason_required=True)
    client, record = browser(rita()), record_of(parts)

    screen = pressed(client, opened(client, record), record, "do=reject:group-address")

    assert "Choose why it is rejected." in screen.words
    assert states(parts) == {FieldDecision.PENDING}


def test_where_none_is_required_a_rejection_needs_no_reason(parts):
    client, record = browser(rita()), record_of(parts)

    pressed(client, opened(client, record), record, "do=reject:group-address")

    assert states(parts) == {FieldDecision.REJECTED}
