"""A value that a reviewer types instead of the proposed one: the input by the column's type, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import QueryDict
from django.utils import timezone

from syncapp.crm import canonical
from syncapp.crm.lookups import NamedRow
from syncapp.crm.records import Column, ColumnType
from syncapp.web import lookup_choices

# column type ─▶ the kind of input; what is missing cannot be corrected here
_KINDS = {
    ColumnType.TEXT: "text",
    ColumnType.MEMO: "area",
    ColumnType.CHOICE: "choice",
    ColumnType.YES_NO: "choice",
    ColumnType.CHOICES: "choices",
    ColumnType.INTEGER: "number",
    ColumnType.DECIMAL: "number",
    ColumnType.MONEY: "number",
    ColumnType.FLOAT: "number",
    ColumnType.DATE: "date",
    ColumnType.DATE_TIME: "date_time",
    ColumnType.LOOKUP: "lookup",
}
_YES_NO = (("true", "Yes"), ("false", "No"))


@dataclass(frozen=True, slots=True)
class Correction:
    """An input with its present content, and the choices where it has some: (value, label, is chosen)."""

    kind: str
    value: str
    max_length: int | None = None
    options: tuple[tuple[str, str, bool], ...] = ()


def correction(
    column: Column | None, typed: tuple[str, ...] | None, proposed: str | None, found: Sequence[NamedRow] = ()
) -> Correction | None:
    """The input for this column, holding what was typed, else the proposal; None where it has none.

    `found` are the rows that a lookup may be set to.
    """
    kind = _KINDS.get(column.type) if column is not None and column.writable else None
    if column is None or kind is None:
        return None
    if column.type is ColumnType.LOOKUP:
        return Correction(kind, "", options=_rows_to_choose(column, typed or (), found))
    content = typed if typed is not None else _as_typed(column, proposed or "")
    if kind == "text" and any("\n" in text for text in content):
        kind = "area"  # a one-line input would drop the line ends
    return Correction(kind, content[0] if content else "", column.max_length, _options(column, content))


def _rows_to_choose(
    column: Column, typed: tuple[str, ...], found: Sequence[NamedRow]
) -> tuple[tuple[str, str, bool], ...]:
    chosen = next(filter(None, map(lookup_choices.read, typed)), None)
    rows = [*([chosen] if chosen and chosen not in found else []), *found]
    tells_tables = len(column.targets) > 1
    return tuple(
        (lookup_choices.signed(row), f"{row.name} ({row.table})" if tells_tables else row.name, row == chosen)
        for row in rows
    )


def _as_typed(column: Column, value: str) -> tuple[str, ...]:
    if column.type is ColumnType.CHOICES:
        return tuple(value.split(",")) if value else ()
    if column.type is ColumnType.DATE_TIME and value:
        return (_local(value),)
    return (value,)


def _local(value: str) -> str:
    try:
        return timezone.localtime(canonical.parse_date_time(value)).replace(tzinfo=None).isoformat(timespec="minutes")
    except ValueError:
        return ""


def _options(column: Column, content: tuple[str, ...]) -> tuple[tuple[str, str, bool], ...]:
    if column.type is ColumnType.YES_NO:
        words = {str(bool(number)).lower(): text for number, text in column.options}
        return tuple((value, words.get(value, word), value in content) for value, word in _YES_NO)
    return tuple((str(number), text, str(number) in content) for number, text in column.options)


def typed(post: QueryDict, name: str) -> tuple[str, ...] | None:
    """What was typed under `name`, line ends as one character; None where the form had no such input.

    A list of ticks that are all empty sends nothing, so its form sends an empty text beside them.
    """
    if name not in post:
        return None
    values = [value.replace("\r\n", "\n").replace("\r", "\n") for value in post.getlist(name)]
    return tuple(value for value in values if value) if len(values) > 1 else tuple(values)


def canonical_text(column: Column, content: tuple[str, ...]) -> str | None:
    """The canonical value of what was typed; what is none of the type comes back as typed, for `values.check`."""
    if column.type is ColumnType.CHOICES:
        return ",".join(sorted(filter(None, content), key=_as_number)) or None
    text = content[0] if content else ""
    if column.type is ColumnType.LOOKUP:
        row = lookup_choices.read(text)
        return row.value if row else text or None
    if column.type in (ColumnType.TEXT, ColumnType.MEMO):
        return text or None
    text = text.strip()
    if column.type is ColumnType.DATE_TIME and text:
        return _instant(text)
    return text or None


def label(column: Column, content: tuple[str, ...]) -> str:
    """What a chosen row is called; '' for every other type, whose value says it."""
    row = lookup_choices.read(content[0]) if column.type is ColumnType.LOOKUP and content else None
    return row.name if row else ""


def _as_number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _instant(text: str) -> str:
    """A local time, as the browser's input sends it, in UTC."""
    try:
        naive = datetime.fromisoformat(text)
    except ValueError:
        return text
    aware = naive if naive.tzinfo else timezone.make_aware(naive)
    return canonical.instant_text(aware)


def is_as_proposed(column: Column, value: str | None, proposed: str | None) -> bool:
    """Whether the reviewer left the proposal as it was; browsers change line ends on their own."""
    return canonical.key(column.type, _lines(value)) == canonical.key(column.type, _lines(proposed))


def _lines(text: str | None) -> str | None:
    return text.replace("\r\n", "\n").replace("\r", "\n") if text else text
