"""Counts of captured changes by source and column, their examples, and how long values were live."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from syncapp.capture import change_list, counts, observation
from syncapp.capture.change_list import ChangeFilter
from syncapp.capture.observation import ColumnChanges, Writer, WriterChanges
from syncapp.capture.policy import Reason
from syncapp.models import CaptureContactDay, CaptureDay, CaptureEntry, CaptureIdentity, CaptureValue, Heartbeat
from syncapp.models.capture.day import ChangeResult
from syncapp.models.capture.entry import EntryState, Source
from syncapp.models.capture.restore import RestoreResult
from tests.capture.changes import LET_THROUGH, NOT_OUTLOOK, STAGED, by_program, change, program, restored
from tests.support.factories import make_record

pytestmark = pytest.mark.django_db
OUTLOOK = Writer(Source.OUTLOOK)


def of(writer: Writer = OUTLOOK) -> WriterChanges:
    """Return the changes by a writer, after past days were counted."""
    counts.update()
    return next(each for each in observation.changes().writers if each.writer == writer)


def column(name: str = "jobtitle", writer: Writer = OUTLOOK) -> ColumnChanges:
    return next(each for each in of(writer).columns if each.column == name)


def test_changes_are_counted_over_week_and_month() -> None:
    for days in (0, 6, 7, 29, 30):
        change(days=days)

    assert (column().week, column().month) == (2, 4)


def test_results_are_counted_per_column() -> None:
    restored()
    restored(live=None)
    restored(result=RestoreResult.PUT_BACK)
    change(state=STAGED)  # of this edit, this column was let through
    change(state=EntryState.READ)
    change(state=EntryState.SET_ASIDE)
    change()
    restored("fax")

    assert column().results == Counter(dict.fromkeys(ChangeResult, 1))
    assert column("fax").results == {ChangeResult.RESTORED: 1}
    assert of().results[ChangeResult.RESTORED] == 2


def test_programs_are_counted_separately() -> None:
    erp, billing = program("# ERP Connector"), program("# Billing")
    by_program(erp)
    by_program(erp)
    by_program(uuid.uuid4(), calling_user_id=billing)

    writers = [each.writer for each in observation.changes().writers]

    assert writers == [Writer(Source.PROGRAM, erp), Writer(Source.PROGRAM, billing)]
    assert observation.program_names({erp}) == {erp: "# ERP Connector"}


@pytest.mark.parametrize(
    ("given", "restored_by_original"),
    [
        ({}, 1),
        ({"lacks_revision": False}, 0),
        ({"reason": Reason.NEW_CONTACT}, 0),
        ({"source": Source.FORM}, 0),
    ],
    ids=["unsigned", "raises the revision", "new contact", "form"],
)
def test_original_rule_would_restore_unsigned_changes(given: dict[str, object], restored_by_original: int) -> None:
    entry = change(**NOT_OUTLOOK | {"lacks_revision": True} | given)

    assert of(Writer(Source(entry.source))).by_original == restored_by_original


def test_original_rule_skips_listed_programs() -> None:
    erp = program()
    by_program(erp)
    assert of(Writer(Source.PROGRAM, erp)).by_original == 1

    CaptureIdentity.objects.create(user_id=erp, kind=CaptureIdentity.Kind.PROGRAM)

    assert of(Writer(Source.PROGRAM, erp)).by_original == 0


def test_own_and_untracked_changes_do_not_count() -> None:
    change(source=Source.OURS, state=LET_THROUGH)
    change(state=LET_THROUGH, reason=Reason.NO_TRACKED_COLUMN)
    change(action=64)

    counts.update()

    assert observation.changes().writers == []


def test_entry_without_values_counts_without_column() -> None:
    change(**NOT_OUTLOOK | {"reason": Reason.VALUES_NOT_READ})
    CaptureValue.objects.all().delete()

    assert [each.column for each in of(Writer(Source.UNKNOWN)).columns] == [""]


def test_example_is_the_newest_known_value() -> None:
    change(new="Older")
    change(new="Newer")
    change(new_known=False)

    example = column().example
    assert example is not None
    assert example.new_value == "Newer"


def test_busiest_column_comes_first() -> None:
    change("fax")
    change("jobtitle")
    change("jobtitle")

    assert [each.column for each in of().columns] == ["jobtitle", "fax"]


def test_past_days_use_stored_counts() -> None:
    change(days=3)
    assert not observation.changes().writers

    counts.update()
    CaptureEntry.objects.all().delete()

    assert column_of_stored().month == 1


def column_of_stored() -> ColumnChanges:
    return observation.changes().writers[0].columns[0]


def test_many_changes_today_use_stored_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observation, "MAX_COUNTED_NOW", 1)
    change()
    change()
    assert observation.changes().counted_at is None

    counts.update()
    change()

    assert (column_of_stored().week, observation.changes().counted_at) == (2, counts.counted_at())


def test_later_result_replaces_earlier_count() -> None:
    entry = change(days=3, state=EntryState.READ)
    assert column().results == {ChangeResult.WAITING: 1}

    CaptureEntry.objects.filter(pk=entry.pk).update(state=LET_THROUGH)

    assert column().results == {ChangeResult.LET_THROUGH: 1}


def test_past_days_are_recounted_at_most_hourly() -> None:
    change(days=3)
    counts.update()
    change(days=3)
    counts.update()
    assert column().week == 1

    Heartbeat.objects.update(asked_at=F("asked_at") - timedelta(hours=2))

    assert column().week == 2


def test_counts_of_old_days_are_deleted() -> None:
    change()
    old = counts.today() - timedelta(days=30)
    CaptureDay.objects.create(day=old, source=Source.OUTLOOK, column_name="fax", result="observed", number=1)
    CaptureContactDay.objects.create(day=old, source=Source.OUTLOOK, contacts=1)

    counts.update()

    assert not CaptureDay.objects.filter(day=old).exists()
    assert not CaptureContactDay.objects.filter(day=old).exists()


def test_query_count_is_independent_of_changes() -> None:
    def queries() -> int:
        counts.update()
        with CaptureQueriesContext(
            connection,
        ) as found:
            observation.changes()
        return len(found)

    by_program(program())
    change(days=2)
    few = queries()
    for number in range(20):
        by_program(program(f"# Program {number}"), f"column{number}", days=number)
        change(f"column{number}", days=number)

    assert queries() == few


def test_live_times_have_median_longest_and_ranges() -> None:
    for seconds in (4, 10, 12, 59, 299, 301):
        restored(live=seconds)
    restored(live=9999, days=8)
    restored(live=None)

    lives = observation.times_in_crm(since=timezone.now() - timedelta(days=7))

    assert (lives.number, lives.median, list(lives.buckets)) == (6, 35.5, [1, 2, 1, 1, 1])
    assert lives.worst is not None
    assert lives.worst.live_seconds == 301


def test_live_times_are_empty_without_restores() -> None:
    restored(live=None)

    lives = observation.times_in_crm(since=timezone.now() - timedelta(days=7))

    assert (lives.number, lives.median, lives.worst, list(lives.buckets)) == (0, None, None, [0] * 5)


def test_highest_number_of_restores_is_per_column() -> None:
    contact = uuid.uuid4()
    for days in (0, 0.5, 1.5):
        restored(contact_id=contact, days=days)
    restored("fax", contact_id=contact)
    restored(live=None, contact_id=contact)

    assert observation.max_restores_of_column() == 2


def test_known_contacts_have_names_and_edits() -> None:
    entry = change(state=STAGED)
    record = make_record(target_id=entry.contact_id, operation_id=str(entry.pk))
    make_record("Hidden Person", target_id=uuid.uuid4(), is_stub=True)

    known = observation.known_contacts({entry.contact_id})

    assert known.names == {entry.contact_id: "Marta Villanueva"}
    assert known.edits == {str(entry.pk): record.pk}


def test_list_pages_show_every_change_once() -> None:
    moment = change().happened_at
    for number in range(6):
        change(f"column{number}")
    CaptureEntry.objects.update(happened_at=moment)  # in one second, as an import does
    expected = set(CaptureValue.objects.values_list("pk", flat=True))

    seen: list[int] = []
    before = None
    while True:
        page = change_list.page(ChangeFilter(Source.OUTLOOK), before=before, size=2)
        seen += [each.pk for each in page.changes]
        if not page.has_more:
            break
        before = seen[-1]

    assert len(seen) == len(set(seen)) == 7
    assert set(seen) == expected


def test_list_is_newest_first_and_filtered() -> None:
    erp = program()
    by_program(erp, "fax", days=1)
    by_program(erp, "creditlimit", days=2)
    by_program(program("# Billing"), "fax")
    change("fax")
    change("fax", days=31)

    def listed(**conditions: object) -> list[str]:
        return [each.column_name for each in change_list.page(ChangeFilter(**conditions)).changes]  # type: ignore[arg-type]  # conditions vary by call

    assert listed(source=Source.PROGRAM, program_id=erp) == ["fax", "creditlimit"]
    assert listed(source=Source.PROGRAM, program_id=erp, column="creditlimit") == ["creditlimit"]
    assert listed(source=Source.OUTLOOK) == ["fax"]


def test_listed_results_match_their_counts() -> None:
    for _ in range(2):
        restored()
    restored(live=None)
    change(state=STAGED)
    change(state=EntryState.NEW)

    changes = change_list.page(ChangeFilter(Source.OUTLOOK)).changes

    assert Counter(change_list.result_of(each) for each in changes) == column().results
