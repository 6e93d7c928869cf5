"""Preferences: defaults, validation, audit log, and one query per request."""

from __future__ import annotations

import pytest

from syncapp import preferences
from syncapp.models import AuditEntry
from syncapp.models.review.decision import Outcome
from syncapp.preferences import BadSetting, FieldGroup, Reason
from syncapp.review import decisions, reasons
from syncapp.review.context import digest
from syncapp.review.decisions import Choice
from tests.support.factories import make_field
from tests.support.people import ada, rita

pytestmark = pytest.mark.django_db


def test_defaults_apply_without_row(settings):
    settings.UNDO_SECONDS = 7

    rules = preferences.read()

    assert (rules.undo_window, rules.overdue_hours, rules.backlog, rules.mail_values) == (7, 48, False, True)
    assert rules.reasons[0] == Reason("not_correct", "Not correct")
    assert [group.name for group in rules.field_groups] == ["Name", "Address"]


def test_change_applies_at_once_and_is_audited():
    preferences.change(by=ada(), overdue_hours=24, tell_editors=True)

    entries = {entry.details["setting"]: entry for entry in AuditEntry.objects.all()}
    assert preferences.read().overdue_hours == 24
    assert (entries["overdue_hours"].value.before, entries["overdue_hours"].value.after) == ("48", "24")
    assert entries["overdue_hours"].actor == ada()
    assert entries["overdue_hours"].group == entries["tell_editors"].group


def test_unchanged_value_is_not_audited():
    preferences.change(by=ada(), overdue_hours=48)

    assert not AuditEntry.objects.exists()


def test_stored_undo_window_overrides_environment(settings):
    settings.UNDO_SECONDS = 10
    field = make_field()
    preferences.change(by=ada(), undo_seconds=60)

    decisions.decide([Choice(field.pk, Outcome.APPROVED, digest(field))], by=rita())

    decision = field.decisions.get()
    assert 59 < (decision.due_at - decision.decided_at).total_seconds() < 61


def test_row_is_read_once_while_cached(django_assert_num_queries):
    with preferences.cached(), django_assert_num_queries(1):
        assert preferences.read() == preferences.read()


def test_change_invalidates_cache():
    with preferences.cached():
        preferences.read()
        preferences.change(by=ada(), overdue_hours=24)

        assert preferences.read().overdue_hours == 24


def test_reasons_are_read_from_preferences():
    preferences.change(by=ada(), reasons=[{"code": "wrong", "words": "Wrong"}, {"code": "other", "words": "Else"}])

    assert dict(reasons.options()) == {"wrong": "Wrong", "other": "Else"}
    assert reasons.describe("wrong", "see mail") == "Wrong: see mail"
    assert reasons.describe("other", "see mail") == "see mail"
    assert reasons.describe("crm_only", "") == "Kept in CRM only", "a removed reason keeps its words"


def test_field_groups_are_read_from_preferences():
    preferences.change(by=ada(), field_groups=[{"name": "Phones", "columns": ["telephone1", "mobilephone"]}])

    assert preferences.read().field_groups == (FieldGroup("Phones", ("telephone1", "mobilephone")),)


@pytest.mark.parametrize(
    ("setting", "value", "place"),
    [
        ("undo_seconds", 301, "undo_seconds"),
        ("undo_seconds", True, "undo_seconds"),
        ("overdue_hours", 0, "overdue_hours"),
        ("backlog", "yes", "backlog"),
        ("operations_address", "nobody", "operations_address"),
        ("reasons", [], "reasons"),
        ("reasons", [{"code": "A B", "words": "x"}], "reasons[0].code"),
        ("reasons", [{"code": "a", "words": " "}], "reasons[0].words"),
        ("reasons", [{"code": "a", "words": "x"}, {"code": "a", "words": "y"}], "reasons"),
        ("reasons", [{"code": "a"}], "reasons[0]"),
        ("field_groups", [{"name": "One", "columns": ["fax"]}], "field_groups[0].columns"),
        ("field_groups", [{"name": "One", "columns": ["fax", "fax"]}], "field_groups"),
        ("color", "red", "color"),
    ],
)
def test_error_names_place_of_invalid_value(setting, value, place):
    with pytest.raises(BadSetting) as refused:
        preferences.change(by=ada(), **{"tell_editors": True, setting: value})

    assert refused.value.place == place
    assert not AuditEntry.objects.exists(), "a refused change stores nothing"
