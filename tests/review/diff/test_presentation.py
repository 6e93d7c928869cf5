"""Both tables of column types: each type has one complete entry in each."""

from __future__ import annotations

import pytest

from syncapp.crm.staging.records import ColumnType
from syncapp.crm.values.column_types import RULES, ValueRules
from syncapp.review.diff.presentation import PRESENTATIONS, Input, Marking, Presentation
from tests.crm import columns

# Types that no correction offers, and types that the CRM's definitions do not name.
NOT_TYPED = {ColumnType.OTHER}
NOT_NAMED = {ColumnType.OTHER, ColumnType.DATE}
SAMPLES = (*columns.WRITABLE, columns.PICTURE)


def _gaps(rules: dict[ColumnType, ValueRules], presentations: dict[ColumnType, Presentation]) -> list[str]:
    """Return the missing entries by column type."""
    found = []
    for each in ColumnType:
        if each not in rules:
            found.append(f"{each}: no entry in crm/values/column_types.py")
        elif not rules[each].message or (not rules[each].crm_types and each not in NOT_NAMED):
            found.append(f"{each}: incomplete in crm/values/column_types.py")
        if each not in presentations:
            found.append(f"{each}: no entry in review/diff/presentation.py")
        elif presentations[each].input is Input.NONE and each not in NOT_TYPED:
            found.append(f"{each}: no input in review/diff/presentation.py")
        if each not in {column.type for column in SAMPLES}:
            found.append(f"{each}: no sample in tests/crm/columns.py")
    return found


def test_every_column_type_has_rules_and_presentation():
    assert _gaps(dict(RULES), dict(PRESENTATIONS)) == []


@pytest.mark.parametrize("missing", ColumnType)
def test_missing_column_type_entry_is_reported(missing):
    rules = {each: entry for each, entry in RULES.items() if each is not missing}
    presentations = {each: entry for each, entry in PRESENTATIONS.items() if each is not missing}

    assert len(_gaps(rules, dict(PRESENTATIONS))) == 1
    assert len(_gaps(dict(RULES), presentations)) == 1


def test_each_crm_type_belongs_to_one_column_type():
    names = [name for rules in RULES.values() for name in rules.crm_types]

    assert len(names) == len(set(names))


def test_only_choice_types_offer_choices():
    chosen = {Input.CHOICE, Input.CHOICES}

    for column in SAMPLES:
        entry = PRESENTATIONS[column.type]
        assert bool(entry.choices(column)) == (entry.input in chosen), column.name
        assert (entry.marking is Marking.LIST) == (entry.input is Input.CHOICES), column.name
