"""Dates, times and numbers in each locale, written and parsed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.utils import timezone

from syncapp.text import localization
from syncapp.text.localization import Unreadable
from syncapp.text.time_zones import zone_of

AFTERNOON = datetime(2026, 11, 29, 15, 3, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tag", "day", "clock", "number"),
    [
        ("en-GB", "29 Nov 2026", "15:03", "15,000.5"),
        ("en-US", "Nov 29, 2026", "3:03 PM", "15,000.5"),
        ("de-DE", "29.11.2026", "15:03", "15.000,5"),
        ("de-CH", "29.11.2026", "15:03", "15’000.5"),
        ("fr-FR", "29/11/2026", "15:03", "15\u00a0000,5"),
        ("", "29 Nov 2026", "15:03", "15,000.5"),
        ("tlh", "29 Nov 2026", "15:03", "15,000.5"),
    ],
)
def test_each_locale_writes_its_own_formats(tag, day, clock, number):
    with localization.override(tag):
        assert localization.day(date(2026, 11, 29)) == day
        assert localization.clock(AFTERNOON) == clock
        assert localization.number(Decimal("15000.5")) == number


@pytest.mark.parametrize("tag", [tag for tag, _ in localization.choices()])
def test_numbers_and_dates_round_trip(tag):
    with localization.override(tag):
        assert localization.parse_number(localization.number(Decimal("-15000.50"))) == "-15000.50"
        assert localization.parse_date(localization.day(date(2026, 3, 4))) == date(2026, 3, 4)


@pytest.mark.parametrize(
    ("tag", "typed", "decimals", "number"),
    [
        ("de-DE", "15.000,50", 2, "15000.50"),
        ("de-DE", "15.000", 2, "15000"),
        ("de-DE", "1,5", 2, "1.5"),
        ("de-DE", " −0,5 ", 2, "-0.5"),
        ("en-US", "15,000.50", 2, "15000.50"),
        ("en-US", "12.345", None, "12.345"),
        ("es-ES", "15.000,50", 2, "15000.50"),
        ("de-CH", "15'000.50", 2, "15000.50"),
    ],
)
def test_number_in_locale_format_is_parsed(tag, typed, decimals, number):
    with localization.override(tag):
        assert localization.parse_number(typed, decimals=decimals) == number


@pytest.mark.parametrize(
    ("tag", "typed", "decimals", "words"),
    [
        ("de-DE", "15,000.50", 2, "for example 15.000,50."),
        ("de-DE", "1,500", 2, "Enter 1500 or 1,5."),
        ("de-DE", "1.234", None, "Enter 1234 or 1,234."),
        ("de-DE", "0.125", None, "for example 15.000,50."),
        ("en-US", "15.000,50", 2, "for example 15,000.50."),
        ("en-US", "15.000", 2, "Enter 15000 or 15.0."),
        ("en-US", "1,50", 2, "for example 15,000.50."),
        ("en-GB", "", 0, "for example 15,000."),
        ("en-GB", "٣", 0, "for example 15,000."),
    ],
)
def test_other_formats_are_refused_with_an_example(tag, typed, decimals, words):
    with localization.override(tag), pytest.raises(Unreadable) as refused:
        localization.parse_number(typed, decimals=decimals)

    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("de-DE,de;q=0.9,en;q=0.8", "de-DE"),
        ("de", "de-DE"),
        ("en-US,en;q=0.9", "en-US"),
        ("en-DE,en;q=0.9", "en-GB"),
        ("xx,sv;q=0.5", "sv-SE"),
        ("no", "nb-NO"),
        ("*", ""),
        ("", ""),
        (";;q=,\x00", ""),
    ],
)
def test_accept_language_header_selects_locale(header, tag):
    assert localization.from_accept_language(header) == tag


@pytest.mark.parametrize(
    ("zone", "name"),
    [("Europe/Berlin", "CET"), ("UTC", "UTC"), ("Asia/Dubai", "UTC+4"), ("America/Sao_Paulo", "UTC-3")],
)
def test_zone_is_shown_as_name_or_offset(zone, name):
    with timezone.override(zone_of(zone)):
        assert localization.zone(AFTERNOON) == name
