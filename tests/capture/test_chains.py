"""Chains of edits: which originals are staged, and which are restored."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from syncapp.capture.chain_records import (
    Change,
    LiveState,
    Outcome,
    Rejection,
    SkipReason,
    Value,
)
from tests.capture.edits import OLE, PHONE, RITA, START, entries, entry, plan_of, staged, value

DECISION = UUID(int=9)


@pytest.mark.parametrize(
    ("written", "present", "expected", "restored"),
    [
        # One edit, and a chain of edits: the baseline is restored once.
        (["outlook A>B"], "B", [("A", "B", "restore")], "A"),
        (["outlook A>B", "outlook B>C"], "C", [("A", "B", "restore"), ("A", "C", "restore")], "A"),
        (["outlook ->B"], "B", [("-", "B", "restore")], "-"),
        (["outlook A>-"], "-", [("A", "-", "restore")], "A"),
        # Another person's value is the new baseline.
        (
            ["outlook A>B", "other B>C", "outlook C>D"],
            "D",
            [("A", "B", "overwritten"), ("C", "D", "restore")],
            "C",
        ),
        (["outlook A>B", "ours B>C", "outlook C>D"], "D", [("A", "B", "overwritten"), ("C", "D", "restore")], "C"),
        (["outlook A>B", "other B>C"], "C", [("A", "B", "overwritten")], None),
        (["outlook A>B", "other B>A"], "A", [("A", "B", "original")], None),
        # The CRM holds the original already, or a value that no entry explains.
        (["outlook A>B"], "A", [("A", "B", "original")], None),
        (["outlook A>B"], "X", [("A", "B", "others_value")], None),
        # Entries are missing.
        (["outlook A>B", "outlook X>C"], "C", [("A", "B", "gap"), ("X", "C", "gap")], None),
        (
            ["outlook A>B", "outlook X>C", "outlook C>D"],
            "D",
            [("A", "B", "gap"), ("X", "C", "gap"), ("X", "D", "gap")],
            None,
        ),
        (
            ["outlook A>B", "outlook X>C", "other C>D", "outlook D>E"],
            "E",
            [("A", "B", "overwritten"), ("X", "C", "overwritten"), ("D", "E", "restore")],
            "D",
        ),
        # Unknown values.
        (["outlook ?>B"], "B", [("?", "B", "unknown_original")], None),
        (["outlook ?>B", "outlook B>C"], "C", [("?", "B", "unknown_original"), ("?", "C", "unknown_original")], None),
        (["other A>B", "outlook ?>C"], "C", [("?", "C", "unknown_original")], None),
        (["outlook A>?"], "B", [("A", "B", "unknown_value")], None),
        (["outlook A>?", "outlook B>C"], "C", [("A", "C", "gap")], None),
        (["other A>?", "outlook B>C"], "C", [("B", "C", "gap")], None),
        # Create, Merge, Assign and SetState end a baseline.
        (["outlook A>B", "ends"], "B", [("A", "B", "ended")], None),
        (["outlook A>B", "ends", "outlook B>C"], "C", [("A", "B", "ended"), ("B", "C", "restore")], "B"),
        # The editor entered the original again.
        (["outlook A>B", "outlook B>A"], "A", [("A", "B", "original")], None),
        (["outlook A>B", "outlook B>A", "outlook A>C"], "C", [("A", "B", "original"), ("A", "C", "restore")], "A"),
    ],
)
def test_chain_determines_staged_originals_and_restores(written, present, expected, restored):
    plan = plan_of(entries(*written), present)

    assert staged(plan) == expected
    assert plan.restores == ({} if restored is None else {PHONE: value(restored).text})


def test_each_column_has_its_own_chain():
    both = replace(
        entry(1, "outlook A>B"), changes={PHONE: Change(Value("A"), Value("B")), "fax": Change(Value("1"), Value("2"))}
    )

    plan = plan_of([both, entry(2, "other 2>3", column="fax")], None, live=LiveState({PHONE: "B", "fax": "3"}))

    assert plan.restores == {PHONE: "A"}
    (edit,) = plan.staged
    assert not edit.is_restored
    assert {change.column: change.outcome for change in edit.changes} == {
        PHONE: Outcome.RESTORE,
        "fax": Outcome.OVERWRITTEN,
    }


def test_baseline_is_not_restored_after_fifteen_minutes():
    found = entries("outlook A>B")

    assert plan_of(found, "B", after=15 * 60).restores == {PHONE: "A"}
    assert staged(plan_of(found, "B", after=15 * 60 + 2)) == [("A", "B", "too_late")]


def test_value_live_too_long_blocks_newer_restore():
    found = [entry(1, "outlook A>B"), entry(2, "outlook B>C", at=1_000)]

    assert staged(plan_of(found, "C", after=1_010)) == [("A", "B", "too_late"), ("A", "C", "too_late")]


def test_change_before_switching_on_is_not_restored():
    found = [entry(1, "outlook A>B", may_restore=False), entry(2, "outlook B>C")]

    assert plan_of(found, "C").columns[PHONE].outcome is Outcome.NOT_ALLOWED


def test_unreviewed_change_becomes_baseline():
    change = Change(Value("A"), Value("B"), is_reviewed=False)
    through = replace(entry(1, "outlook A>B"), changes={PHONE: change})

    plan = plan_of([through, entry(2, "outlook B>C")], "C")

    assert staged(plan) == [("B", "C", "restore")]
    assert plan.skipped == {(through.id, PHONE): SkipReason.LET_THROUGH}


def test_held_column_is_not_restored():
    assert plan_of(entries("outlook A>B"), "B", held=frozenset({PHONE})).restores == {}
    assert plan_of(entries("outlook A>B"), "B", held=frozenset({"fax"})).restores == {PHONE: "A"}


@pytest.mark.parametrize(("merged", "outcome"), [(True, "merged"), (False, "inactive")])
def test_edit_of_inactive_contact_is_not_restored(merged, outcome):
    plan = plan_of(entries("outlook A>B"), None, live=LiveState({PHONE: "B"}, is_active=False, is_merged=merged))

    assert staged(plan) == [("A", "B", outcome)]
    assert plan.restores == {}


def test_unreadable_column_is_not_restored():
    assert staged(plan_of(entries("outlook A>B"), None, live=LiveState({}))) == [("A", "B", "unreadable")]


def test_edit_of_deleted_contact_is_not_staged():
    plan = plan_of(entries("outlook A>B"), None)

    assert (plan.staged, plan.restores, plan.columns) == ((), {}, {})
    assert list(plan.skipped.values()) == [SkipReason.CONTACT_GONE]


def test_edit_with_unknown_proposal_is_not_staged():
    plan = plan_of(entries("outlook A>?", "outlook ?>C"), "C")

    assert staged(plan) == [("?", "C", "unknown_original")]
    assert list(plan.skipped.values()) == [SkipReason.UNKNOWN_PROPOSAL]


def test_handled_entries_are_not_staged_again():
    first, second = entries("outlook A>B", "outlook B>C")

    plan = plan_of([replace(first, is_handled=True), second], "C")

    assert staged(plan) == [("A", "C", "restore")]


def test_late_entry_restores_the_earlier_original():
    """The first entry appears after the second one was staged and restored to its old value."""
    late, second, restore = entries("outlook A>B", "outlook B>C", "restore C>B")

    plan = plan_of([late, replace(second, is_handled=True), replace(restore, is_handled=True)], "B")

    assert staged(plan) == [("A", "B", "restore")]
    assert plan.restores == {PHONE: "A"}


def test_restore_ends_chain():
    first, restore, second = entries("outlook A>B", "restore B>A", "outlook A>C")

    plan = plan_of([replace(first, is_handled=True), restore, second], "C")

    assert staged(plan) == [("A", "C", "restore")]


@pytest.mark.parametrize("handled", [1, 3])
def test_handled_edit_comes_first_within_its_second(handled: int) -> None:
    """The same value is saved twice within a second, and the first save was restored."""
    found = [
        replace(entry(number, written, at=1), is_handled=number != 4 - handled)
        for number, written in enumerate(("outlook A>B", "restore B>A", "outlook A>B"), start=1)
    ]

    plan = plan_of(found, "B")

    assert plan.restores == {PHONE: "A"}


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2), (2, 3, 1)])
def test_entries_within_one_second_are_ordered_by_values(order):
    written = {1: "outlook A>B", 2: "other B>C", 3: "outlook C>D"}
    found = [entry(10 + number, written[each], at=5) for number, each in enumerate(order)]

    plan = plan_of(found, "D")

    assert set(staged(plan)) == {("A", "B", "overwritten"), ("C", "D", "restore")}
    assert plan.restores == {PHONE: "C"}


def test_entries_are_ordered_despite_many_changed_columns():
    others = [entry(number, "other A>B", at=5, column=f"column{number}") for number in range(1, 7)]
    phone = [entry(8, "outlook B>C", at=5), entry(9, "other A>B", at=5)]
    for ids in (phone, [replace(phone[0], id=phone[1].id), replace(phone[1], id=phone[0].id)]):
        plan = plan_of([*others, *ids], "C")

        assert staged(plan) == [("B", "C", "restore")]


def test_other_column_does_not_affect_entry_order():
    found = [entry(10, "other B>A", at=5), entry(11, "outlook A>B", at=5)]
    later = entry(12, "other A>B", at=6, column="fax")
    for ids in (found, [replace(found[0], id=found[1].id), replace(found[1], id=found[0].id)]):
        assert staged(plan_of([*ids, later], "B")) == [("A", "B", "restore")]


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_live_value_orders_circular_entries(order):
    written = {1: "other B>A", 2: "outlook A>B"}
    found = [entry(10 + number, written[each], at=5) for number, each in enumerate(order)]

    assert staged(plan_of(found, "B")) == [("A", "B", "restore")]


def _lower(column, one, other):
    return bool(one and other) and one.lower() == other.lower()


def test_format_only_echo_is_let_through():
    found = entries("ours X>abc", "outlook abc>ABC", "outlook ABC>D")

    plan = plan_of(found, "D", is_format_only=_lower)

    assert staged(plan) == [("ABC", "D", "restore")]
    assert plan.skipped == {(found[1].id, PHONE): SkipReason.ECHO}


def test_format_changed_by_person_is_staged():
    found = [entry(1, "ours X>abc"), entry(2, "outlook abc>ABC", at=3_000)]

    assert staged(plan_of(found, "ABC", after=3_010, is_format_only=_lower)) == [("abc", "ABC", "restore")]
    assert staged(plan_of(entries("outlook abc>ABC"), "ABC", is_format_only=_lower)) == [("abc", "ABC", "restore")]


@pytest.mark.parametrize(
    ("editor", "days", "value", "repeated"),
    [(RITA, 1, "B", True), (OLE, 1, "B", False), (RITA, 31, "B", False), (RITA, 1, "C", False), (None, 1, "B", False)],
)
def test_rejected_value_sent_again_is_a_repeat(editor, days, value, repeated):
    rejection = Rejection(DECISION, PHONE, value, editor, START - timedelta(days=days))
    found = entry(1, "outlook A>B", editor=RITA if editor else None)

    plan = plan_of([found], "B", rejections=[rejection])

    assert [repeat.rejection.decision for repeat in plan.repeats] == ([DECISION] if repeated else [])
    assert bool(plan.staged) is not repeated
    assert plan.restores == {PHONE: "A"}
