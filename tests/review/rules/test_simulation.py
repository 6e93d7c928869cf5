"""Simulations, shadow mode and enabling of rules."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import IntegrityError, transaction

from syncapp.models import Decision, Rule, RuleTrace
from syncapp.models.review.rule import RuleState
from syncapp.review import decisions, follow_ups
from syncapp.review.rules import editing, runs
from syncapp.review.rules.editing import NotSimulated, RuleDraft
from syncapp.review.rules.simulation import compare_shadow, simulate
from tests.review.rules.test_rules import FAX, FORMAT, a_format_change, enabled
from tests.support.factories import make_field
from tests.support.people import ada, rita
from tests.support.scenes import approved, finished, rejected

pytestmark = pytest.mark.django_db


def test_shadow_rule_records_without_deciding():
    rule = editing.create(FORMAT, by=ada())
    editing.shadow(rule.pk, by=ada())
    same, other = a_format_change(), a_format_change()

    runs.run()

    assert not Decision.objects.exists()
    finished(approved(same, by=rita()))
    rejected(other, by=rita())
    found = compare_shadow(Rule.objects.get())
    assert (found.looked_at, found.decided, [each.last.field for each in found.differing]) == (2, 2, [other])


def test_shadow_trace_cannot_have_decision():
    enabled()
    a_format_change()
    runs.run()

    with pytest.raises(IntegrityError), transaction.atomic():
        RuleTrace.objects.update(is_shadow=True)


def test_enabling_requires_current_simulation():
    rule = editing.create(FORMAT, by=ada())
    with pytest.raises(NotSimulated):
        editing.enable(rule.pk, by=ada())
    editing.simulate(rule.pk, by=ada())
    editing.change(rule.pk, FAX, by=ada())
    with pytest.raises(NotSimulated):
        editing.enable(rule.pk, by=ada())

    editing.simulate(rule.pk, by=ada())

    assert editing.enable(rule.pk, by=ada()).state == RuleState.ENABLED


def test_renaming_needs_no_new_simulation():
    rule = enabled()

    editing.change(rule.pk, RuleDraft("Same thing", "approve", kinds=("format",)), by=ada())

    assert Rule.objects.get().state == RuleState.ENABLED


def test_simulation_counts_different_decisions():
    rule = editing.create(FORMAT, by=ada())
    same, other, corrected, unmet = [a_format_change() for _ in range(3)] + [make_field()]
    approved(same, by=rita())
    rejected(other, by=rita())
    approved(corrected, by=rita(), is_corrected=True, corrected_value="Head")
    approved(unmet, by=rita())

    found = simulate(rule)

    assert (found.looked_at, found.decided) == (4, 3)
    assert {(each.last.field, each.people) for each in found.differing} == {
        (other, "rejected"),
        (corrected, "corrected"),
    }


def test_simulation_counts_matches_of_earlier_rule():
    first = enabled()
    rule = editing.create(replace(FORMAT, name="The same again"), by=ada())
    approved(a_format_change(), by=rita())
    assert (simulate(rule).decided, simulate(rule).taken) == (1, 1)

    editing.pause(first.pk, by=ada())

    assert (simulate(rule).decided, simulate(rule).taken) == (1, 0)


def test_simulation_counts_last_valid_decisions():
    rule = editing.create(FORMAT, by=ada())
    undone, put_back = a_format_change(), a_format_change()
    decisions.undo(approved(undone, by=rita()).pk, by=rita())
    finished(approved(put_back, by=rita()))
    follow_ups.put_back(put_back.pk, by=rita(), reason="wrong")

    found = simulate(rule)

    assert (found.looked_at, [each.people for each in found.differing]) == (1, ["put back"])


def test_simulation_ignores_decisions_by_rules():
    rule = enabled()
    a_format_change()
    runs.run()

    assert simulate(rule).looked_at == 0
