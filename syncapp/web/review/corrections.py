"""Corrections: the input for a column's type, and the canonical value of its content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal

from django.http import QueryDict
from django.utils import timezone

from syncapp.crm.staging.records import Column
from syncapp.crm.values import canonical, conversion
from syncapp.crm.values.lookups import NamedRow
from syncapp.review.diff.presentation import Input, presentation
from syncapp.text import localization
from syncapp.web.base import local_time, parameters
from syncapp.web.review import lookup_choices


class Unclear(ValueError):
    """Input that could mean another value than the reviewer expects; the message says what to enter."""


@dataclass(frozen=True, slots=True)
class Correction:
    """An input with its content, and its options as (value, label, is selected)."""

    kind: Input
    value: str
    max_length: int | None = None
    example: str = ""
    options: tuple[tuple[str, str, bool], ...] = ()


def correction(
    column: Column | None, typed: tuple[str, ...] | None, proposed: str | None, found: Sequence[NamedRow] = ()
) -> Correction | None:
    """Return the column's input with the typed text or else the proposal; None if it cannot be corrected here.

    `found` are the rows to choose from for a lookup.
    """
    kind = _input_of(column) if column is not None and column.writable else Input.NONE
    if column is None or kind is Input.NONE:
        return None
    if kind is Input.LOOKUP:
        chosen = next(filter(None, map(lookup_choices.unsign, typed or ())), None)
        rows = [*([chosen] if chosen and chosen not in found else []), *found]
        has_several_tables = len({row.table for row in rows}) > 1
        labels = [
            ", ".join(filter(None, [row.name, row.detail, row.table if has_several_tables else ""])) for row in rows
        ]
        signed = ((lookup_choices.sign(row), label, row == chosen) for row, label in zip(rows, labels, strict=True))
        return Correction(kind, "", options=tuple(signed))
    content = typed if typed is not None else input_content(column, proposed)
    if kind is Input.TEXT and any("\n" in text for text in content):
        kind = Input.AREA  # a one-line input would drop the line ends
    choices = presentation(column).choices(column)
    options = tuple((value, words, value in content) for value, words in choices)
    if kind is Input.DATE_TIME and column.is_shown_as_date:
        kind = Input.DATE
    elif kind is Input.DATE_TIME:  # both instants of a local time that the clock shows twice
        with _override_zone(column):
            naive = _local_time(content[0]) if content else None
            instants = local_time.options(naive) if naive is not None else ()
        options = tuple((fold, words, fold == "".join(content[1:])) for fold, words in instants)
    example = localization.example(_decimal_places(column)) if kind is Input.NUMBER else ""
    return Correction(kind, content[0] if content else "", column.max_length, example, options)


def _input_of(column: Column) -> Input:
    return presentation(column).input


def input_content(column: Column, value: str | None) -> tuple[str, ...]:
    """Return the content of the column's input for a canonical value, in the shape in which the form sends it."""
    kind = _input_of(column)
    if kind is Input.CHOICES:
        return tuple(value.split(",")) if value else ()
    if not value:
        return ("",)
    try:
        if kind is Input.DATE_TIME:
            with _override_zone(column):
                when = canonical.parse_date_time(value)
                if column.is_shown_as_date:
                    return (timezone.localdate(when).isoformat(),)
                return (local_time.input_value(when), local_time.fold_of(when))
        if kind is Input.NUMBER:
            conversion.parse(column.type, value)
            return (localization.number(Decimal(value), grouped=False),)
    except (ValueError, OverflowError):
        return (value,)  # not a value of this type: shown as it is, so that it can be rejected
    return (value,)


def typed_content(post: QueryDict, key: object) -> tuple[str, ...] | None:
    """Return the content of the input of `key`, with one character per line end; None if the form has no such input.

    Checkboxes send nothing when none is ticked, so their form adds an empty text. For a local time that the clock shows
    twice, the second item says which occurrence is meant.
    """
    name = f"value.{key}"
    if name not in post:
        return None
    if f"fold.{key}" in post:
        return (post.get(name, ""), post.get(f"fold.{key}", ""))
    values = [value.replace("\r\n", "\n").replace("\r", "\n") for value in post.getlist(name)]
    return tuple(value for value in values if value) if len(values) > 1 else tuple(values)


def canonical_text(column: Column, content: tuple[str, ...]) -> str | None:
    """Return the canonical value of an input's content.

    Text that is not of the column's type is returned unchanged, for `conversion.check` to refuse. Raises Unclear if
    the content could mean another value than the reviewer expects.
    """
    kind = _input_of(column)
    if kind is Input.CHOICES:
        return ",".join(sorted(filter(None, content), key=lambda number: parameters.whole_number(number) or 0)) or None
    text = content[0] if content else ""
    if kind is Input.LOOKUP:
        row = lookup_choices.unsign(text)
        return row.value if row else text or None
    if kind in (Input.TEXT, Input.AREA):
        return text or None
    return _typed_value(column, text.strip(), content[1:]) or None


def _decimal_places(column: Column) -> int | None:
    return presentation(column).decimals if column.precision is None else column.precision


def _typed_value(column: Column, text: str, more: tuple[str, ...]) -> str:
    if not text:
        return ""
    kind = _input_of(column)
    try:
        if kind is Input.NUMBER:
            return localization.parse_number(text, decimals=_decimal_places(column))
        if kind is Input.DATE:
            return localization.parse_date(text).isoformat()
        if kind is Input.DATE_TIME:
            with _override_zone(column):
                if column.is_shown_as_date:
                    # The start of the day, as the CRM's forms store it for a date of this column. If the clock changes
                    # at midnight, the day starts an hour later, or with the first of two midnights.
                    start = datetime.combine(localization.parse_date(text), time())
                    return canonical.instant_text(timezone.make_aware(start).astimezone(UTC))
                naive = _local_time(text)
                if naive is not None:
                    return canonical.instant_text(local_time.instant(naive, "".join(more)))
    except local_time.AmbiguousTime as problem:
        raise Unclear(f"{problem} Choose which one.") from problem
    except (localization.Unreadable, local_time.NonexistentTime) as problem:
        raise Unclear(str(problem)) from problem
    except OverflowError:
        return text
    return text


def label(column: Column, content: tuple[str, ...]) -> str:
    """Return the name of the row chosen for a lookup; '' for other column types, whose value needs no label."""
    row = lookup_choices.unsign(content[0]) if _input_of(column) is Input.LOOKUP and content else None
    return row.name if row else ""


@contextmanager
def _override_zone(column: Column) -> Iterator[None]:
    """Activate UTC for a column that is independent of time zones; keep the reader's zone for others."""
    with timezone.override(UTC) if column.is_zoneless else nullcontext():
        yield


def _local_time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
        return timezone.localtime(found).replace(tzinfo=None) if found.tzinfo else found
    except (ValueError, OverflowError):
        return None


def is_as_proposed(column: Column, content: tuple[str, ...], proposed: str | None) -> bool:
    """Return whether the proposal was left unchanged; browsers change line ends and drop zero seconds."""
    initial = input_content(column, proposed)  # can be less than the whole value, such as a time without milliseconds
    if column.is_shown_as_date and content and initial[0]:
        is_untouched = content == initial
    elif _input_of(column) is Input.DATE_TIME and content and initial[0]:
        is_untouched = _local_time(content[0]) == _local_time(initial[0]) and "".join(content[1:]) == "".join(
            initial[1:]
        )
    else:
        is_untouched = _input_of(column) is Input.NUMBER and content == initial
    if is_untouched:
        return True
    value = canonical_text(column, content)
    return conversion.comparison_key(column.type, _with_line_feeds(value)) == conversion.comparison_key(
        column.type, _with_line_feeds(proposed)
    )


def _with_line_feeds(text: str | None) -> str | None:
    return text.replace("\r\n", "\n").replace("\r", "\n") if text else text
