"""Dates, times and numbers in the formats of each locale, for output and input; words stay English."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from functools import cache

from django.utils import dateformat, timezone
from django.utils.formats import get_format
from django.utils.translation.trans_real import parse_accept_lang_header

DEFAULT = "en-GB"

# The locales that people can choose; all but the English ones use Django's formats.
_NAMES = {
    "en-US": "English (United States)",
    "en-GB": "English (United Kingdom)",
    "en-AU": "English (Australia)",
    "en-CA": "English (Canada)",
    "en-IE": "English (Ireland)",
    "en-IN": "English (India)",
    "en-NZ": "English (New Zealand)",
    "de-DE": "German (Germany)",
    "de-AT": "German (Austria)",
    "de-CH": "German (Switzerland)",
    "fr-FR": "French (France)",
    "fr-BE": "French (Belgium)",
    "fr-CA": "French (Canada)",
    "fr-CH": "French (Switzerland)",
    "it-IT": "Italian",
    "es-ES": "Spanish (Spain)",
    "es-AR": "Spanish (Argentina)",
    "es-MX": "Spanish (Mexico)",
    "pt-PT": "Portuguese (Portugal)",
    "pt-BR": "Portuguese (Brazil)",
    "nl-NL": "Dutch",
    "da-DK": "Danish",
    "sv-SE": "Swedish",
    "nb-NO": "Norwegian",
    "fi-FI": "Finnish",
    "is-IS": "Icelandic",
    "et-EE": "Estonian",
    "lv-LV": "Latvian",
    "lt-LT": "Lithuanian",
    "pl-PL": "Polish",
    "cs-CZ": "Czech",
    "sk-SK": "Slovak",
    "hu-HU": "Hungarian",
    "ro-RO": "Romanian",
    "bg-BG": "Bulgarian",
    "hr-HR": "Croatian",
    "sl-SI": "Slovenian",
    "sr-RS": "Serbian",
    "el-GR": "Greek",
    "tr-TR": "Turkish",
    "ru-RU": "Russian",
    "uk-UA": "Ukrainian",
    "he-IL": "Hebrew",
    "ar-EG": "Arabic",
    "ja-JP": "Japanese",
    "ko-KR": "Korean",
    "zh-CN": "Chinese (China)",
    "zh-TW": "Chinese (Taiwan)",
    "id-ID": "Indonesian",
    "th-TH": "Thai",
    "vi-VN": "Vietnamese",
}
_DJANGO_NAMES = {"zh-CN": "zh-hans", "zh-TW": "zh-hant"}
_TAGS_WITH_OWN_MODULE = ("de-CH", "fr-BE", "fr-CA", "fr-CH", "es-AR", "es-MX", "pt-BR")
_MONTH_FIRST_TAGS = ("en-US", "en-CA")
_TWELVE_HOUR_TAGS = ("en-US", "en-AU", "en-CA", "en-IN", "en-NZ")  # English locales with a 12-hour clock
_TWELVE_HOUR_CODES = re.compile(r"(?<!\\)[PghaA]")
_OWN_SEPARATORS = {"de-CH": (".", "’"), "zh-CN": (".", ","), "zh-TW": (".", ",")}
_LANGUAGES = {"no": "nb-NO", "nn": "nb-NO", "en": "en-US"}

# Blanks and apostrophes used as separators of thousands.
_BLANKS = re.compile(r"(?<=\d)[ '\u2019\u00a0\u2009\u202f](?=\d{3}(?!\d))")
_MAX_DIGITS = 18
_MINUS = str.maketrans({"−": "-"})


class Unreadable(ValueError):
    """The input is not a number or date in the reader's locale; the message says what to enter."""


@dataclass(frozen=True, slots=True)
class Locale:
    """The formats of one locale, dates and times in the notation of Django's `date` filter."""

    tag: str
    decimal: str
    group: str
    date: str
    long_date: str
    day_and_month: str
    long_day_and_month: str
    time: str
    time_with_seconds: str


@cache
def locale_of(tag: str) -> Locale:
    """Return the formats of this locale, or of DEFAULT for an unknown tag."""
    if tag not in _NAMES:
        return locale_of(DEFAULT)
    if tag.startswith("en-"):
        dates = ("M j, Y", "F j, Y", "M j", "F j") if tag in _MONTH_FIRST_TAGS else ("j M Y", "j F Y", "j M", "j F")
        return Locale(tag, ".", ",", *dates, *_times(has_twelve_hours=tag in _TWELVE_HOUR_TAGS))
    lang = _DJANGO_NAMES.get(tag) or (tag if tag in _TAGS_WITH_OWN_MODULE else tag.partition("-")[0]).lower()
    usual = get_format("DECIMAL_SEPARATOR", lang), get_format("THOUSAND_SEPARATOR", lang)
    decimal, group = _OWN_SEPARATORS.get(tag, usual)
    day, clock = get_format("SHORT_DATE_FORMAT", lang), get_format("TIME_FORMAT", lang)
    # For fr-CA, Django writes 16 h 03, whose h is a letter.
    has_twelve_hours = bool(_TWELVE_HOUR_CODES.search(clock)) and tag != "fr-CA"
    short = re.sub(r"[-/ ]?Y$|^Y[-/. 年]\s?", "", day)
    return Locale(tag, decimal, group, day, day, short, short, *_times(has_twelve_hours=has_twelve_hours))


def _times(*, has_twelve_hours: bool) -> tuple[str, str]:
    return ("g:i A", "g:i:s A") if has_twelve_hours else ("H:i", "H:i:s")


_active: ContextVar[str] = ContextVar("locale", default=DEFAULT)


@contextmanager
def override(tag: str) -> Iterator[None]:
    """Use this locale inside the context, like `timezone.override`."""
    token = _active.set(tag)
    try:
        yield
    finally:
        _active.reset(token)


def active() -> Locale:
    """Return the formats of the active locale."""
    return locale_of(_active.get())


def choices() -> list[tuple[str, str]]:
    """Return all locales, sorted by name, each with an example of a date, a time and a number."""
    found = []
    for tag, name in _NAMES.items():
        with override(tag):
            hour = dateformat.time_format(time(16, 3), active().time)
            found.append((tag, f"{name}: {day(date(2026, 11, 29))}, {hour}, {example()}"))
    return sorted(found, key=lambda each: each[1])


def is_known(tag: str) -> bool:
    """Return whether people can choose this locale."""
    return tag in _NAMES


def name_of(tag: str) -> str:
    """Return a locale's name, '' for an unknown tag."""
    return _NAMES.get(tag, "")


def from_accept_language(header: str) -> str:
    """Return the best known locale of an Accept-Language header, '' if it names none."""
    for language, _ in parse_accept_lang_header(header[:500].lower()):
        exact = next((tag for tag in _NAMES if tag.lower() == language), "")
        base, _, region = language.partition("-")
        if exact or (base == "en" and region):
            return exact or DEFAULT
        found = _LANGUAGES.get(base) or next((tag for tag in _NAMES if tag.startswith(f"{base}-")), "")
        if found:
            return found
    return ""


def day(when: date, *, long: bool = False) -> str:
    """Return a date, such as 19 Nov 2026, Nov 19, 2026 or 19.11.2026. `long` spells out the month's name."""
    return dateformat.format(when, active().long_date if long else active().date)


def day_and_month(when: date, *, long: bool = False) -> str:
    """Return a date without its year."""
    return dateformat.format(when, active().long_day_and_month if long else active().day_and_month)


def with_weekday(weekday: str, day: str) -> str:
    """Return a date after its weekday: Mon 30 Nov 2026, or Mon, Nov 30, 2026."""
    return f"{weekday}, {day}" if active().tag in _MONTH_FIRST_TAGS else f"{weekday} {day}"


def clock(when: datetime, *, seconds: bool = False) -> str:
    """Return the time of day in the active zone."""
    local = timezone.localtime(when)
    return dateformat.format(local, active().time_with_seconds if seconds else active().time)


def zone(when: datetime) -> str:
    """Return the name of the active zone at that time: CET, or UTC+3 if it has none."""
    local = timezone.localtime(when)
    name = local.tzname() or "UTC"
    offset = re.fullmatch(r"([+-])(\d\d)(\d\d)?", name)
    if offset is None:
        return name
    sign, hours, minutes = offset.groups()
    return f"UTC{sign}{int(hours)}" + (f":{minutes}" if minutes else "")


def number(value: int | Decimal, *, grouped: bool = True) -> str:
    """Return a number with the locale's separators, such as 15,000.5 or 15.000,5."""
    text = f"{value:,f}" if isinstance(value, Decimal) else f"{value:,}"
    formats = active()
    marks = {",": formats.group if grouped else "", ".": formats.decimal}
    return "".join(marks.get(sign, sign) for sign in text)


def example(decimals: int | None = None) -> str:
    """Return an example number in the locale's format, with decimal places unless `decimals` is 0."""
    return number(15000 if decimals == 0 else Decimal("15000.50"))


def parse_number(text: str, *, decimals: int | None = None) -> str:
    """Parse a number in the locale's format into digits with a point: German "15.000,50" gives 15000.50.

    `decimals` is the number of decimal places allowed, or None for any number. Raises Unreadable if the text is not a
    number in the locale, or means different numbers in other locales.
    """
    formats = active()
    other = "." if formats.decimal == "," else ","
    plain = _BLANKS.sub("", text.strip().translate(_MINUS))
    grouped = re.fullmatch(rf"[+-]?[1-9]\d{{0,2}}(?:\{other}\d{{3}})+(?:\{formats.decimal}\d+)?", plain, re.ASCII)
    simple = re.fullmatch(rf"[+-]?\d*(?:\{formats.decimal}\d+)?", plain, re.ASCII)
    if not any(sign.isdigit() for sign in plain) or not (grouped or simple):
        raise Unreadable(f"Enter a number, for example {example(decimals)}.")
    # A single separator before three digits: other locales read it differently.
    takes_three = decimals is None or decimals >= 3
    if re.fullmatch(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", plain, re.ASCII) and takes_three == (other in plain):
        thousands = number(int(re.sub(r"[.,]", "", plain)), grouped=False)
        fraction = number(Decimal(plain.replace(",", ".")).normalize(), grouped=False)
        tail = "" if formats.decimal in fraction else f"{formats.decimal}0"
        raise Unreadable(f"“{text.strip()}” can be read as two numbers. Enter {thousands} or {fraction}{tail}.")
    found = plain.replace(other, "").replace(formats.decimal, ".").lstrip("+")
    return re.sub(r"^(-?)\.", r"\g<1>0.", found)


def parse_whole_number(text: str) -> int:
    """Parse a whole number. Raises Unreadable."""
    digits = parse_number(text, decimals=0)
    if "." in digits or len(digits) > _MAX_DIGITS:
        raise Unreadable(f"Enter a number, for example {example(0)}.")
    return int(digits)


def parse_date(text: str) -> date:
    """Parse a date, as browsers send it (2026-11-29) or in the locale's format.

    Raises Unreadable.
    """
    formats = active()
    own = [formats.date, formats.long_date]
    if formats.tag.startswith("en-"):  # also the numeric format
        own.append("n/j/Y" if formats.tag in _MONTH_FIRST_TAGS else "j/n/Y")
    signs = {"d": "%d", "j": "%d", "m": "%m", "n": "%m", "M": "%b", "F": "%B", "Y": "%Y"}
    for pattern in ("%Y-%m-%d", *("".join(signs.get(sign, sign) for sign in each) for each in own)):
        try:
            return datetime.strptime(text.strip(), pattern).date()  # noqa: DTZ007  # a date has no zone
        except ValueError:
            continue
    raise Unreadable(f"Enter a date, for example {day(date(2026, 11, 29))}.")
