"""Template tags and filters: icons, times, value diffs, counts, and escaping of foreign text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from syncapp.review.diff.text import Part, PartKind
from syncapp.review.diff.values import DiffSide, Tag
from syncapp.review.queue import reads
from syncapp.sync_filters.inventory import matrix
from syncapp.text import characters, escaping, localization
from syncapp.text import time_zones as zones
from syncapp.text.localization import number as number_words
from syncapp.web.base import local_time, times

register = template.Library()
JUST_NOW = timedelta(seconds=5)


@register.simple_tag
def icon(name: str) -> SafeString:
    """Render an icon of the page's sprite, hidden from screen readers because a word is beside it."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="#i-{}"/></svg>', name)


@register.filter
def ago(when: datetime | None) -> SafeString:
    """Render "22 h ago", with the exact time as tooltip."""
    return _time(when, " ago")


@register.filter
def age(when: datetime | None) -> SafeString:
    """Render "22 h", with the exact time as tooltip."""
    return _time(when, "")


def _time(when: datetime | None, suffix: str) -> SafeString:
    if when is None:
        return mark_safe("")
    is_recent = timezone.now() - when < JUST_NOW  # a busy server may take a second to answer
    words = "just now" if suffix and is_recent else times.age(when) + suffix
    return format_html('<time datetime="{}" title="{}">{}</time>', when.isoformat(), times.exact(when), words)


@register.simple_tag
def time_zones() -> tuple[tuple[str, str], ...]:
    """Return the selectable time zones, each with its country."""
    return zones.choices()


@register.filter
def at(when: datetime | None) -> str:
    """Return "at 15:01", with the day unless it is today."""
    return times.at(when) if when else ""


@register.filter
def exactly(when: datetime | None) -> str:
    """Return "Thu 19 Nov 2026, 16:03 CET"."""
    return times.exact(when) if when else ""


@register.filter
def clock(when: datetime | None) -> str:
    """Return "16:03 CET"."""
    return times.clock(when) if when else ""


@register.filter
def clock_alone(when: datetime) -> str:
    """Return "16:03", without the zone."""
    return localization.clock(when)


@register.filter
def clock_seconds(when: datetime) -> str:
    """Return "16:03:07"."""
    return localization.clock(when, seconds=True)


@register.filter
def zone_words(when: datetime) -> str:
    """Return "CET"."""
    return localization.zone(when)


@register.filter
def on_day(when: datetime) -> str:
    """Return "19 November at 16:03 CET"."""
    day = localization.day_and_month(timezone.localtime(when), long=True)
    return f"{day} at {times.clock(when)}"


@register.filter
def day_words(day: date | None) -> str:
    """Return "19 November 2026"."""
    return localization.day(day, long=True) if day else ""


@register.filter
def short_day(day: date | None) -> str:
    """Return "19 Nov 2026"."""
    return localization.day(day) if day else ""


@register.filter
def for_input(when: datetime | None) -> str:
    """Return "2026-11-19T16:03", the value of a datetime-local input."""
    return local_time.input_value(when) if when else ""


@register.simple_tag
def zone_name() -> str:
    """Return the time zone of the page."""
    return timezone.get_current_timezone_name()


@register.filter
def thousands(number: int) -> str:
    """Return 12000 as "12,000"."""
    return number_words(number)


@register.filter
def users_of(users: int, total: int) -> str:
    """Return "3 of these users", "All 12 users" if they are all, or "This user"."""
    if users < total:
        return f"{number_words(users)} of these users"
    return "This user" if users == 1 else f"All {number_words(users)} users"


@register.filter
def capped(number: int) -> str:
    """Return "148", or "1,000+" beyond the largest number that is counted."""
    return f"{number_words(reads.MAX_COUNTED)}+" if number > reads.MAX_COUNTED else number_words(number)


@register.filter
def users_counted(number: int) -> str:
    """Return a number of users such as "2,008", or "20,000+" beyond the largest number that is counted."""
    return f"{number_words(matrix.MAX_COUNTED)}+" if number > matrix.MAX_COUNTED else number_words(number)


@register.filter
def initials(name: str) -> str:
    """Return "RL" for "Rita Lindqvist"."""
    words = "".join(letter for letter in name if not characters.is_hidden(letter)).split()
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


@register.simple_tag
def address(**parameters: object) -> str:
    """Return a query string of the parameters that are not empty."""
    return urlencode({name: str(value) for name, value in parameters.items() if value})


@register.simple_tag
def split_address(query: str, key: str, is_split: bool) -> str:
    """Return the query string with one group split, or joined again."""
    pairs = [pair for pair in parse_qsl(query.lstrip("?")) if pair != ("split", key)]
    pairs += [] if is_split else [("split", key)]
    return f"?{urlencode(pairs)}" if pairs else ""


@register.filter
def removed(side: DiffSide) -> SafeString:
    """Render the old value, with the parts that the new one lacks struck through."""
    return _marked(side, "del")


@register.filter
def added(side: DiffSide) -> SafeString:
    """Render the new value, with the parts that the old one lacked underlined."""
    return _marked(side, "ins")


@register.filter
def shown(text: object) -> SafeString:
    """Escape foreign text for the content of an element; hidden characters become marks with their names."""
    return _as_html(text, escaping.html)


@register.filter
def shown_lines(text: object) -> SafeString:
    """Escape foreign text of several lines; as `shown`, but with its line ends."""
    return _as_html(text, escaping.html_lines)


@register.filter
def plain(text: object) -> str:
    """Clean foreign text for an attribute, a title or an option, which cannot contain marks."""
    return "" if text is None else escaping.one_line(text)


@register.filter
def mail_line(text: object, max_length: int = escaping.MAX_MAIL_LINE) -> str:
    """Clean foreign text for one line of a text mail, cut to `max_length` characters."""
    return escaping.mail_line(text, max_length=max_length)


@register.filter
def mail_lines(text: object) -> str:
    """Clean foreign text of several lines for a text mail, as a quotation."""
    return escaping.mail_lines(text, indent="> ")


@register.filter
def in_words(side: DiffSide) -> str:
    """Render a value for a text mail: hidden characters by name, long text cut, further lines indented."""
    if side.is_empty:
        return "(empty)"
    if side.items:
        return escaping.mail_line("; ".join(item for item, _ in side.items))
    marks = {PartKind.BREAK: "\n" + " " * 14, PartKind.GAP: "…"}
    return "".join(
        f"[{part.name}]" if part.kind is PartKind.HIDDEN else marks.get(part.kind, part.text)
        for part in side.short.parts
    )


def _as_html(text: object, write: Callable[[Any], str]) -> SafeString:
    if isinstance(text, SafeString):
        return text
    return mark_safe("" if text is None else write(text))  # noqa: S308 (`write` escapes)


@register.filter
def marked(side: DiffSide, kind: str) -> SafeString:
    """Mark the value's changes as removed or as added."""
    return removed(side) if kind == "removed" else added(side)


@register.filter
def tags(of_value: Iterable[Tag]) -> SafeString:
    """Render the tags that follow a value, each after a space; line breaks between them would be visible."""
    listed = ((" warn" if tag.warns else "", shown(tag.words)) for tag in of_value)
    return format_html_join("", ' <span class="tag{}">{}</span>', listed)


def _marked(side: DiffSide, mark: str) -> SafeString:
    if side.is_empty:
        return format_html('<{0} class="empty">empty</{0}>', "ins" if side.is_changed else "span")
    if side.items:
        items = [(mark if changed else "span", shown(item)) for item, changed in side.items]
        listed = format_html_join(" ", "<{0}>{1}</{0}>", items)
        return format_html('<span class="choices">{}</span>', listed)
    return format_html_join("", "{}", ((_part(part, mark),) for part in side.parts))


def _part(part: Part, mark: str) -> SafeString:
    if part.kind is PartKind.GAP:
        return mark_safe("…")
    inner = _as_html(part.text, escaping.html_mark) if part.kind is PartKind.HIDDEN else format_html("{}", part.text)
    if not part.changed:
        return inner
    if part.kind is PartKind.SPACE:
        word = "space added" if mark == "ins" else "space removed"
        return format_html('<{0} class="space" title="{1}">{2}</{0}>', mark, word, inner)
    return format_html("<{0}>{1}</{0}>", mark, inner)
