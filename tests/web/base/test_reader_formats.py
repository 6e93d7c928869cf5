"""The reader's time zone and formats, from the browser or their settings."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from syncapp.models import AuditEntry, CrmColumn, Decision, Person, SyncRecord
from syncapp.models.person import Role
from tests.support import scenes
from tests.support.factories import make_field, make_record
from tests.support.people import ada, browser, make_person
from tests.support.screen import Screen, on, opened, pressed

pytestmark = pytest.mark.django_db

ASKED = "Which time zone are you in?"
GERMAN = {"accept-language": "de-DE,de;q=0.9,en;q=0.8"}


@pytest.fixture(autouse=True)
def labels() -> None:
    scenes.store_columns()


def newcomer(**columns: object) -> Person:
    """Create a person who has not chosen a time zone."""
    return make_person("Greta", Role.REVIEWER, time_zone_chosen=False, **columns)


def now_of(person: Person) -> tuple[str, str]:
    person.refresh_from_db()
    return person.time_zone, person.locale


def test_browser_zone_and_locale_are_adopted_once():
    person = newcomer()
    client = browser(person)
    client.cookies["browser_zone"] = "Europe%2FBerlin"

    assert ASKED not in Screen(client.get("/review/", headers=GERMAN)).words
    assert now_of(person) == ("Europe/Berlin", "de-DE")
    assert AuditEntry.objects.get(action="person.wishes").actor == person

    client.cookies["browser_zone"] = "Asia%2FTokyo"
    client.get("/review/", headers={"accept-language": "ja"})
    assert now_of(person) == ("Europe/Berlin", "de-DE")


def test_chosen_utc_is_not_replaced():
    person = make_person("Greta", Role.REVIEWER, time_zone="UTC", locale="en-GB")
    client = browser(person)
    client.cookies["browser_zone"] = "Europe%2FBerlin"

    assert ASKED not in Screen(client.get("/review/")).words
    assert now_of(person) == ("UTC", "en-GB")


def test_old_zone_names_are_replaced():
    person = newcomer()
    client = browser(person)
    client.cookies["browser_zone"] = "Asia%2FCalcutta"

    client.get("/review/")

    assert now_of(person)[0] == "Asia/Kolkata"


@pytest.mark.parametrize("zone", ["", "Mars%2FPhobos", "localtime", "%00", "x" * 5000])
def test_unknown_zone_shows_question(zone):
    client = browser(newcomer())
    if zone:
        client.cookies["browser_zone"] = zone

    assert ASKED in Screen(client.get("/review/")).words


def test_answered_zone_question_disappears():
    person = newcomer()
    client = browser(person)

    answer = client.post("/settings/me/change", {"do": "zone", "time_zone": "berlin", "next": "/review/?tab=parked"})

    assert answer.headers["Location"] == "/review/?tab=parked"
    assert now_of(person)[0] == "Europe/Berlin"
    assert ASKED not in Screen(client.get("/review/")).words


def test_keeping_utc_answers_the_question():
    person = newcomer()
    client = browser(person)

    client.post("/settings/me/change", {"do": "zone", "time_zone": ["", "UTC"], "next": "//evil.example/"})

    assert ASKED not in Screen(client.get("/review/")).words
    assert now_of(person)[0] == "UTC"


def test_refused_zone_stays_in_the_input():
    client = browser(newcomer())

    screen = Screen(client.post("/settings/me/change", {"do": "zone", "time_zone": "Atlantis"}))

    assert screen.status == 422
    assert "There is no time zone “Atlantis”." in screen.words
    assert "Atlantis" in screen.form["time_zone"]


def test_settings_offer_no_zone_aliases():
    page = Screen(browser(ada()).get("/settings/me")).html

    assert '<option value="Asia/Kolkata">India</option>' in page
    assert "Asia/Calcutta" not in page
    assert "German (Germany): 29.11.2026, 16:03, 15.000,50" in page


def test_chosen_formats_are_kept():
    person = make_person("Greta", Role.REVIEWER)
    wishes = {"do": "wishes", "notify": "off", "time_zone": "America/New_York", "locale": "en-US"}

    browser(person).post("/settings/me/change", wishes)
    assert now_of(person) == ("America/New_York", "en-US")

    refused = Screen(browser(person).post("/settings/me/change", wishes | {"locale": "tlh"}))
    assert (refused.status, now_of(person)) == (422, ("America/New_York", "en-US"))


def german() -> Person:
    return make_person("Greta", Role.REVIEWER, time_zone="Europe/Berlin", locale="de-DE")


def test_values_follow_the_readers_locale():
    record = make_record()
    make_field(record, "creditlimit", original_value="12500.5", original_label="€12,500.50", proposed_value="15000")
    make_field(record, "birthdate", original_value="1987-03-14", proposed_value="1987-03-15")
    make_field(record, "lastonholdtime", original_value=None, proposed_value="2026-07-01T08:00:00Z")

    words = opened(browser(german()), record).words

    assert "€12.500,50" in words
    assert "15.000" in words
    assert "14.03.1987" in words
    assert "01.07.2026, 10:00 CEST" in words


@pytest.mark.parametrize(("typed", "stored"), [("15.000,50", "15000.50"), ("7,25", "7.25"), ("1234", "1234")])
def test_german_numbers_are_understood(typed, stored):
    field = make_field(None, "creditlimit", original_value=None, proposed_value="7")
    client = browser(german())
    form = {on(field, "mark"): "correct", on(field, "value"): typed}

    pressed(client, opened(client, field.record), field.record, f"do=correct:{field.pk}", **form)

    assert Decision.objects.get(field=field).value_to_write == stored


@pytest.mark.parametrize(
    ("locale", "typed", "words"),
    [
        ("de-DE", "15,000.50", "Enter a number, for example 15.000,50."),
        ("en-US", "15.000,50", "Enter a number, for example 15,000.50."),
        ("de-DE", "1,500", "“1,500” can be read as two numbers. Enter 1500 or 1,5."),
    ],
)
def test_numbers_of_another_format_are_refused(locale, typed, words):
    field = make_field(None, "creditlimit", original_value=None, proposed_value="7")
    client = browser(make_person("Greta", Role.REVIEWER, locale=locale))
    form = {on(field, "mark"): "correct", on(field, "value"): typed}

    screen = pressed(client, opened(client, field.record), field.record, f"do=correct:{field.pk}", **form)

    assert screen.status == 422
    assert words in screen.words
    assert screen.input(on(field, "value")) == typed
    assert not Decision.objects.exists()


def test_input_shows_an_example_in_the_readers_format():
    field = make_field(None, "creditlimit", original_value=None, proposed_value="7")

    assert "For example 15.000,50." in opened(browser(german()), field.record).words


def test_column_precision_decides_ambiguous_decimals():
    columns = CrmColumn.objects.filter(name="creditlimit")
    field = make_field(None, "creditlimit", original_value=None, proposed_value="7")
    client = browser(german())
    form = {on(field, "mark"): "correct", on(field, "value"): "1.500"}

    columns.update(precision=4)
    refused = pressed(client, opened(client, field.record), field.record, f"do=correct:{field.pk}", **form)
    assert "“1.500” can be read as two numbers. Enter 1500 or 1,5." in refused.words

    columns.update(precision=2)
    pressed(client, opened(client, field.record), field.record, f"do=correct:{field.pk}", **form)
    assert Decision.objects.get(field=field).value_to_write == "1500"


def test_untouched_german_amount_is_not_a_correction():
    field = make_field(None, "creditlimit", original_value=None, proposed_value="15000.5")
    client = browser(german())
    page = opened(client, field.record)

    assert page.input(on(field, "value")) == "15000,5"
    pressed(client, page, field.record, f"do=correct:{field.pk}", **{on(field, "mark"): "correct"})

    decision = Decision.objects.get(field=field)
    assert (decision.value_to_write, decision.is_corrected) == ("15000.5", False)


def test_exact_times_name_their_zone():
    record = make_record()
    make_field(record)
    SyncRecord.objects.filter(pk=record.pk).update(edited_on=datetime(2026, 1, 19, 15, 3, tzinfo=UTC))

    assert "19.01.2026, 16:03 CET" in opened(browser(german()), record).html
