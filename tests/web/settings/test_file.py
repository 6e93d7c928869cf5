"""Export, comparison and import of the settings file."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from syncapp import preferences, settings_file
from syncapp.models import AuditEntry, Rule
from syncapp.models.review.rule import RuleState
from syncapp.review.rules import editing
from syncapp.review.rules.editing import RuleDraft
from tests.support.people import ada, browser
from tests.support.screen import Screen

pytestmark = pytest.mark.django_db


def exported() -> dict[str, Any]:
    return json.loads(browser(ada()).get("/settings/file/export").content)


def compare(content: object) -> Screen:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    upload = SimpleUploadedFile("settings.json", text, content_type="application/json")
    return Screen(browser(ada()).post("/settings/file/compare", {"file": upload}))


def apply_file(content: object) -> Screen:
    screen = compare(content)
    body = {"text": json.dumps(content), "seen": screen.input("seen")}
    return Screen(browser(ada()).post("/settings/file/apply", body, follow=True))


def test_export_contains_no_secrets(settings):
    editing.create(RuleDraft("Format", "approve", kinds=("format",)), by=ada())

    found = exported()

    assert (found["format"], found["version"]) == ("outlook-sync-settings", 1)
    assert found["settings"]["overdue_hours"] == 48
    assert [rule["name"] for rule in found["rules"]] == ["Format"]
    text = json.dumps(found)
    assert not [secret for secret in (settings.SECRET_KEY, settings.CRM_CLIENT_SECRET, "brandvik") if secret in text]


def test_unchanged_file_shows_no_changes():
    assert "No changes" in compare(exported()).words


def test_differences_are_shown_before_import():
    content = exported()
    content["settings"]["overdue_hours"] = 24

    screen = compare(content)

    assert "overdue_hours 48 24" in screen.words
    assert preferences.read().overdue_hours == 48
    assert not AuditEntry.objects.exists()


def test_imported_rules_are_paused():
    content = exported()
    content["settings"]["overdue_hours"] = 24
    content["rules"] = [{"name": "Format", "kinds": ["format"], "outcome": "approve"}]

    screen = apply_file(content)

    assert "2 changes imported." in screen.words
    assert preferences.read().overdue_hours == 24
    assert Rule.objects.get(name="Format").state == RuleState.PAUSED
    assert set(AuditEntry.objects.values_list("channel", flat=True)) == {"file"}


def test_import_changes_rule_with_same_name():
    editing.create(RuleDraft("Format", "approve", kinds=("format",)), by=ada())
    editing.create(RuleDraft("Fax", "leave", columns=("fax",)), by=ada())

    apply_file({**exported(), "rules": [{"name": "Format", "kinds": ["filled"], "outcome": "approve"}]})

    assert {rule.name: rule.kinds for rule in Rule.objects.existing()} == {"Format": ["filled"], "Fax": []}


def test_rule_can_use_reason_from_file():
    content = exported()
    content["settings"]["reasons"] = [{"code": "hr", "words": "HR decides"}]
    content["rules"] = [{"name": "HR", "columns": ["salary"], "outcome": "reject", "reason_code": "hr"}]

    apply_file(content)

    assert Rule.objects.get().reason_code == "hr"


def test_import_is_refused_after_settings_changed():
    content = {**exported(), "settings": {"overdue_hours": 24}}
    seen = compare(content).input("seen")
    preferences.change(by=ada(), tell_editors=True)

    screen = Screen(browser(ada()).post("/settings/file/apply", {"text": json.dumps(content), "seen": seen}))

    assert (screen.status, preferences.read().overdue_hours) == (409, 48)
    assert "The settings have changed since the preview." in screen.words


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"color": 1}, "color"),
        ({"version": 2}, "version"),
        ({"format": "other"}, "format"),
        ({"settings": {"secret": 1}}, "settings.secret"),
        ({"settings": {"overdue_hours": "soon"}}, "settings.overdue_hours"),
        ({"settings": {"reasons": [{"code": "A", "words": "x"}]}}, "settings.reasons[0].code"),
        ({"settings": []}, "settings"),
        ({"rules": [{"name": "x", "outcome": "leave", "state": "enabled"}]}, "rules[0].state"),
        ({"rules": [{"name": "x", "outcome": "maybe"}]}, "rules[0].outcome"),
        ({"rules": [{"name": "x", "outcome": "leave", "kinds": "format"}]}, "rules[0].kinds"),
        ({"rules": [{"name": "x", "outcome": "leave"}, {"name": "x", "outcome": "leave"}]}, "rules"),
        ({"rules": ["x"]}, "rules[0]"),
    ],
)
def test_invalid_setting_is_named(change, place):
    screen = compare({**exported(), **change})

    assert screen.status == 422
    assert f"({place})" in screen.words


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{\n,", "This is not JSON. (line 2)"),
        (b"\xff", "not UTF-8"),
        (b'{"a":\n"\\u0000"}', "The file contains a null character. (line 2)"),
        (b'{"a": "\\ud800"}', "half a character"),
    ],
)
def test_invalid_file_is_refused(content, words):
    assert words in compare(content).words


def test_too_large_file_is_refused():
    assert "larger than 256 kB" in compare(b" " * (settings_file.MAX_BYTES + 1)).words
