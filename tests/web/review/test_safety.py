"""Hostile text wherever the portal shows text from the CRM or from a person."""

from __future__ import annotations

import pytest
from django.utils import timezone

from syncapp.crm.staging.records import Column, ColumnType
from syncapp.mirror import columns
from tests.support import scenes
from tests.support.factories import make_editor, make_field, make_record
from tests.support.people import browser, make_person, rita
from tests.support.screen import Screen, on, opened, pressed

pytestmark = pytest.mark.django_db

HOSTILE = (
    "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7|add:7 }}{% debug %}<a hx-get=/x hx-trigger=load>"
)


def hostile_page() -> tuple[Screen, object]:
    columns.store("contact", (Column("contact", "jobtitle", HOSTILE, ColumnType.TEXT, max_length=500),))
    record = make_record(HOSTILE, editor=make_editor(HOSTILE))
    field = make_field(record, original_value=HOSTILE, proposed_value=HOSTILE + "!")
    scenes.move(field, crm_now_value=HOSTILE + "?", crm_now_read_at=timezone.now())
    scenes.failed(scenes.approved(make_field(record, HOSTILE[:100]), by=rita()), HOSTILE)
    return opened(browser(rita()), record), record


def test_markup_on_record_page_is_escaped():
    screen, _ = hostile_page()

    assert "<script>alert" not in screen.html
    assert "<img" not in screen.html
    assert "alert(1)" in screen.words
    assert "14" not in screen.words.split("alert(1)")[1][:60]
    assert not [found for tag, found in screen.tags if any(name.startswith("on") for name in found)]
    assert not [found for tag, found in screen.tags if found.get("hx-get") == "/x"]


def test_typed_markup_is_escaped():
    field = make_field()
    scenes.store_columns()
    client = browser(rita())
    typed = {on(field, "mark"): "reject", on(field, "code"): "other", on(field, "value"): HOSTILE}

    screen = pressed(client, opened(client, field.record), field.record, f"do=reject:{field.pk}", **typed)

    assert screen.status == 422
    assert screen.input(on(field, "value")) == HOSTILE
    assert "<script>alert" not in screen.html


def test_markup_in_search_is_escaped():
    screen = Screen(browser(rita()).get("/review/", {"q": HOSTILE, "tab": HOSTILE, "order": HOSTILE}))

    assert screen.status == 200
    assert "<script>alert" not in screen.html


def test_markup_in_colleagues_name_is_escaped():
    field = make_field()
    from_outside = make_person("<b>Rob</b>", *rita().roles)
    scenes.approved(field, by=from_outside)

    screen = opened(browser(rita()), field.record)

    assert "Approved by <b>Rob</b>" in screen.words


@pytest.mark.parametrize("character", ["\u202e", "\u2066", "\u200b", "\u200f", "\ufeff", "\x1b"])
def test_invisible_characters_are_shown_as_marks(character):
    field = make_field(original_value=f"inv{character}oice", proposed_value=f"exe{character}fdp")
    scenes.store_columns()

    html = opened(browser(rita()), field.record).html
    values = html.split('<dl class="field-values"', 1)[1].split("</dl>", 1)[0]

    assert character not in values
    assert "hidden-mark" in values
    assert "hidden characters" in values


def test_values_have_own_direction_and_no_htmx():
    field = make_field(make_record("نور الحسن"), proposed_value="الحسين")

    html = opened(browser(rita()), field.record).html

    assert "<bdi>نور الحسن</bdi>" in html
    assert '<dl class="field-values" hx-disable>' in html
    assert '<dd class="value" dir="auto">' in html


def test_look_alike_letter_is_tagged():
    field = make_field(original_value="petra@acme.com", proposed_value="pеtra@acme.com")

    assert "mixes Cyrillic and Latin letters" in opened(browser(rita()), field.record).words


def test_javascript_address_is_not_linked():
    field = make_field(original_value=None, proposed_value="javascript:alert(1)")

    screen = opened(browser(rita()), field.record)

    assert "javascript:alert(1)" in screen.words
    assert not [found for tag, found in screen.tags if found.get("href", "").startswith("javascript")]


def test_long_value_shows_its_change_first():
    text = "Prefers calls in the morning. " * 60
    field = make_field(original_value=text + "Before ten.", proposed_value=text + "Before noon.")

    screen = opened(browser(rita()), field.record)

    assert f"Show all {len(text) + 12} characters" in screen.words
    assert "…" in screen.words
