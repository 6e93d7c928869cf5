"""Values that were rejected before and are proposed again."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from syncapp.models import Decision, SyncField, SyncRecord
from syncapp.models.review.decision import DecisionState
from syncapp.review import earlier_rejections
from syncapp.review.decisions import undo
from tests.support import scenes
from tests.support.factories import EDITED_ON, make_field, make_record
from tests.support.people import rita, rob

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _columns(db: None) -> None:
    scenes.store_columns()


def earlier(record: SyncRecord, proposed: str | None = "Again", column: str = "jobtitle", days: int = 5) -> SyncField:
    """Return an older edit of the same contact."""
    older = make_record(record.name, target_id=record.target_id, edited_on=EDITED_ON - timedelta(days=days))
    return make_field(older, column, proposed_value=proposed)


def found(field: SyncField) -> earlier_rejections.EarlierRejection | None:
    field = SyncField.objects.select_related("record").get(pk=field.pk)
    return earlier_rejections.find([field]).get(field.pk)


def test_earlier_rejection_names_decider_reason_and_count():
    field = make_field(proposed_value="Again")
    scenes.finished(scenes.rejected(earlier(field.record, days=9), by=rita()))
    last = scenes.rejected(earlier(field.record), by=rob(), reason_code="not_correct", reason="Wrong person.")

    refusal = found(field)

    assert refusal is not None
    assert (refusal.decision, refusal.times) == (last, 2)
    today = timezone.localtime()
    assert earlier_rejections.describe(refusal, reader=rita()) == (
        f"Rejected 2 times before, last by Rob on {today.day} {today:%B %Y}: Not correct: Wrong person."
    )
    assert earlier_rejections.describe(refusal, reader=rob()).startswith("Rejected 2 times before, last by you on")


def test_rejection_of_equivalent_value_counts():
    field = make_field(column="creditlimit", original_value="1", proposed_value="1000")
    scenes.rejected(earlier(field.record, "1000.00", "creditlimit"), by=rob())

    assert found(field) is not None


def test_put_back_counts_as_rejection():
    field = make_field(proposed_value="Again")
    older = earlier(field.record)
    scenes.finished(scenes.approved(older, by=rob()))
    SyncField.objects.filter(pk=older.pk).update(decision="rejected")
    Decision.objects.filter(field=older).update(kind="put_back", outcome="rejected")

    assert found(field) is not None


def test_earlier_rejection_of_empty_value_is_found():
    field = make_field(proposed_value=None)
    scenes.rejected(earlier(field.record, None), by=rob())

    assert found(field) is not None


@pytest.mark.parametrize("what", ["value", "column", "contact", "approved", "undone"])
def test_unrelated_or_undone_decisions_do_not_count(what):
    field = make_field(proposed_value="Again")
    record = make_record(target_id=uuid.uuid4()) if what == "contact" else field.record
    older = earlier(record, "Other" if what == "value" else "Again", "fax" if what == "column" else "jobtitle")
    decided = (scenes.approved if what == "approved" else scenes.rejected)(older, by=rob())
    if what == "undone":
        undo(decided.pk, by=rob())

    assert found(field) is None


def test_many_fields_cost_three_queries(django_assert_max_num_queries):
    fields = [make_field(make_record(f"Person {number}"), proposed_value="Again") for number in range(10)]
    for field in fields:
        scenes.rejected(earlier(field.record), by=rob())
    fields = list(SyncField.objects.filter(pk__in=[field.pk for field in fields]).select_related("record"))

    with django_assert_max_num_queries(3):
        assert len(earlier_rejections.find(fields)) == 10


def test_conflicting_rejection_does_not_count():
    field = make_field(proposed_value="Again")
    older = earlier(field.record)
    decision = scenes.rejected(older, by=rob())
    scenes.conflicting(decision, "Chief")
    Decision.objects.filter(pk=decision.pk).update(state=DecisionState.CONFLICT)

    assert found(field) is None
