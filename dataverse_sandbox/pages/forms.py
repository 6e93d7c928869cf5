"""Form fields for the columns of a contact, and the changes in a submitted form."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup
from werkzeug.datastructures import MultiDict

from dataverse_sandbox import values
from dataverse_sandbox.catalog import Column, Kind
from dataverse_sandbox.store import Row

Choices = Iterable[tuple[str, str]]

_OPTION = Markup('<option value="{}"{}>{}</option>')
_SELECT = Markup('<label>{label}<select name="{name}">{options}</select></label>')
_INPUT = Markup('<label>{label}<input name="{name}" type="{type}" value="{value}"{more}></label>')
_AREA = Markup('<label class="whole">{label}<textarea name="{name}" maxlength="{length}">{value}</textarea></label>')
_BOX = Markup('<label><input type="checkbox" name="{name}" value="{value}"{checked}>{label}</label>')
_BOXES = Markup('<fieldset class="choices whole"><legend>{label}</legend>{boxes}</fieldset>')
_SEARCH = Markup(
    '<form class="line" method="get"><label>You are{editors}</label>'
    '<label>or the colleague whose name begins with<input name="who" type="search" value="{who}"></label>'
    '<label>Contact or company begins with<input name="q" type="search" value="{text}"></label>'
    "<button>Search</button></form>"
)
_EDIT = Markup(
    '<form method="post"><p><label>You are{editors}</label></p>{fields}'
    '<div class="actions"><button>Save in Outlook</button></div></form>'
)


def _options(choices: Choices, current: str) -> Markup:
    return Markup("").join(
        _OPTION.format(value, Markup(" selected") if value == current else "", label) for value, label in choices
    )


def _editors(editors: Choices, current: str) -> Markup:
    return Markup('<select name="user">{}</select>').format(_options(editors, current))


def search(editors: Choices, editor: str, who: str, text: str) -> Markup:
    return _SEARCH.format(editors=_editors(editors, editor), who=who, text=text)


def edit(editors: Choices, editor: str, fields: Markup) -> Markup:
    """Return the form that edits a contact."""
    return _EDIT.format(editors=_editors(editors, editor), fields=fields)


def field(column: Column, row: Row, targets: Choices) -> Markup:
    """Return one labeled field with the row's value."""
    value = values.canonical(column, row) or ""
    if column.kind is Kind.CHOICES:
        return _boxes(column, value)
    if column.kind is Kind.YES_NO:
        choices: Choices = (("false", column.label_of(0)), ("true", column.label_of(1)))
        return _select(column, choices, value or "false")
    if column.kind is Kind.CHOICE:
        known = [(str(option.value), option.label) for option in column.options]
        return _select(column, [("", "–"), *known], value)
    if column.kind is Kind.LOOKUP:
        return _select(column, [("", "–"), *_with_current(targets, value)], value)
    if column.kind is Kind.MEMO:
        return _AREA.format(label=column.label, name=column.name, length=column.max_length, value=value)
    return _input(column, value)


def _with_current(targets: Choices, value: str) -> list[tuple[str, str]]:
    """Offer a current value that is not among the choices, so that saving keeps it."""
    listed = list(targets)
    return listed if not value or value in dict(listed) else [(value, value), *listed]


def _select(column: Column, choices: Choices, value: str) -> Markup:
    return _SELECT.format(label=column.label, name=column.name, options=_options(choices, value))


def _boxes(column: Column, value: str) -> Markup:
    ticked = value.split(",")
    boxes = Markup("").join(
        _BOX.format(
            name=column.name,
            value=option.value,
            checked=Markup(" checked") if str(option.value) in ticked else "",
            label=option.label,
        )
        for option in column.options
    )
    return _BOXES.format(label=column.label, boxes=boxes)


def _input(column: Column, value: str) -> Markup:
    kind, more = "text", Markup("")
    if column.kind is Kind.DATE:
        kind = "date"
    elif column.kind in (Kind.INTEGER, Kind.MONEY, Kind.DECIMAL, Kind.DOUBLE):
        kind, more = "number", Markup(' step="{}"').format("1" if column.kind is Kind.INTEGER else "any")
    elif column.max_length:
        more = Markup(' maxlength="{}"').format(column.max_length)
    return _INPUT.format(label=column.label, name=column.name, type=kind, value=value, more=more)


def changes(columns: Iterable[Column], row: Row, sent: MultiDict[str, str]) -> dict[str, object]:
    """Return the form's changes as the JSON of a PATCH; ignore fields that were not sent."""
    found: dict[str, object] = {}
    for column in columns:
        if column.name not in sent and column.kind is not Kind.CHOICES:
            continue
        text = ",".join(sent.getlist(column.name)).replace("\r\n", "\n")
        stored = values.canonical(column, row) or ("false" if column.kind is Kind.YES_NO else "")
        if text != stored.replace("\r\n", "\n"):
            found[column.name] = _json_value(column, text)
    return found


def _json_value(column: Column, text: str) -> object:
    """Convert a typed value to JSON. Raises ValueError for an invalid number."""
    if text == "":
        return None
    if column.kind is Kind.LOOKUP:
        return text
    return values.as_json(column, text)
