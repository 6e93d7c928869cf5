"""The operators of a `condition`, each to a piece of SQL ("FetchXml reference: operators").

A row without a value differs from every value, so the negative operators include it, as in Dataverse.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass

from dataverse_sandbox import catalog, errors, texts
from dataverse_sandbox.catalog import Column, Kind
from dataverse_sandbox.conditions import Condition, joined
from dataverse_sandbox.fetchxml import dates, hierarchies
from dataverse_sandbox.fetchxml.dates import Span
from dataverse_sandbox.fetchxml.literals import literal, moment
from dataverse_sandbox.fetchxml.parsing import bad
from dataverse_sandbox.fetchxml.query import Test
from dataverse_sandbox.fetchxml.sources import TEXT_KINDS, collated

MAX_PATTERN_LENGTH = 4_000
_COMPARISONS = {"eq": "=", "ne": "<>", "neq": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
# Name, the pattern around the value, whether it must not match.
_PATTERNS = {
    "like": ("{}", False),
    "not-like": ("{}", True),
    "begins-with": ("{}%", False),
    "not-begin-with": ("{}%", True),
    "ends-with": ("%{}", False),
    "not-end-with": ("%{}", True),
}
_DATES = frozenset({Kind.DATE, Kind.DATE_TIME})
_DAYS = ("on", "on-or-before", "on-or-after")


@dataclass(frozen=True)
class Requester:
    """The user and the time of the request, for `eq-userid` and the relative dates."""

    user: str
    now: datetime.datetime


def condition(column: Column, expression: str, test: Test, requester: Requester) -> Condition:
    """Return the SQL of one condition on `expression`. Raises ApiError 400 or 501."""
    operator = test.operator
    if operator in _COMPARISONS:
        return _compared(column, expression, operator, literal(column, _single(test)))
    if dates.is_relative(operator) or operator in _DAYS:
        return _within(column, expression, _span(test, requester))
    if operator in _PATTERNS:
        return _matching(column, expression, test)
    handler = _HANDLERS.get(operator)
    if handler is None:
        raise errors.unknown(f"the FetchXML operator '{operator}'")
    return handler(column, expression, test, requester)


def same_row(column: Column, expression: str, test: Test, other: str) -> Condition:
    """Compare with another column, `valueof`."""
    if test.operator not in _COMPARISONS:
        raise bad(f"The operator '{test.operator}' cannot compare two columns.")
    return Condition(f"{collated(column, expression)} {_COMPARISONS[test.operator]} {other}")


def _single(test: Test) -> str:
    if len(test.values) != 1:
        raise bad(f"The operator '{test.operator}' on '{test.name}' takes one value.")
    return test.values[0]


def _compared(column: Column, expression: str, operator: str, value: object) -> Condition:
    sql = f"{collated(column, expression)} {_COMPARISONS[operator]} ?"
    if operator in ("ne", "neq"):
        sql = f"({sql} OR {expression} IS NULL)"
    return Condition(sql, (value,))


def _matching(column: Column, expression: str, test: Test) -> Condition:
    if column.kind not in TEXT_KINDS:
        raise bad(f"The operator '{test.operator}' takes a text column; '{column.name}' is none.")
    if len(_single(test)) > MAX_PATTERN_LENGTH:
        raise bad(f"The pattern for '{column.name}' is longer than {MAX_PATTERN_LENGTH} characters.")
    frame, negative = _PATTERNS[test.operator]
    found = texts.like(expression, frame.format(_single(test)))
    return Condition(f"(NOT ({found.sql}) OR {expression} IS NULL)", found.parameters) if negative else found


def _span(test: Test, requester: Requester) -> Span:
    is_day, takes_value = test.operator in _DAYS, test.operator in _DAYS or dates.takes_number(test.operator)
    text = _single(test) if takes_value else "0"
    try:
        return (
            dates.on(test.operator, moment(text).date())
            if is_day
            else dates.span(test.operator, int(text), requester.now)
        )
    except (ValueError, OverflowError):
        raise bad(f"'{text[:20]}' is nothing that '{test.operator}' takes.") from None


def _within(column: Column, expression: str, span: Span) -> Condition:
    if column.kind not in _DATES:
        raise bad(f"'{column.name}' is not a date.")
    bounds = ((">=", span.start), ("<", span.end))
    found = [(sign, _stored(column, moment, sign)) for sign, moment in bounds if moment is not None]
    pieces = [f"{expression} {'<=' if is_day else sign} ?" for sign, (_value, is_day) in found]
    return Condition(f"({' AND '.join(pieces)})", tuple(value for _sign, (value, _is_day) in found))


def _stored(column: Column, moment: datetime.datetime, sign: str) -> tuple[str, bool]:
    """Return the bound in its stored form; a day counts as a whole."""
    if column.kind is Kind.DATE_TIME:
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ"), False
    has_begun = moment.time() != datetime.time()
    return moment.date().isoformat(), sign == "<" and has_begun


def _is_null(_column: Column, expression: str, _test: Test, _asker: Requester) -> Condition:
    return Condition(f"{expression} IS NULL")


def _is_not_null(_column: Column, expression: str, _test: Test, _asker: Requester) -> Condition:
    return Condition(f"{expression} IS NOT NULL")


def _is_in(column: Column, expression: str, test: Test, _asker: Requester) -> Condition:
    found = tuple(literal(column, text) for text in test.values)
    if not found:
        raise bad(f"The operator '{test.operator}' on '{test.name}' takes values.")
    return Condition(f"{collated(column, expression)} IN ({', '.join('?' * len(found))})", found)


def _between(column: Column, expression: str, test: Test, _asker: Requester) -> Condition:
    if len(test.values) != 2:
        raise bad(f"The operator '{test.operator}' on '{test.name}' takes two values.")
    found = tuple(literal(column, text) for text in test.values)
    return Condition(f"{collated(column, expression)} BETWEEN ? AND ?", found)


def _contains_values(column: Column, expression: str, test: Test, _asker: Requester) -> Condition:
    """Match several choices, stored as `1,3`, that include one of the given values."""
    if column.kind is not Kind.CHOICES:
        raise bad(f"The operator '{test.operator}' takes a column of several choices.")
    if not test.values or not all(re.fullmatch(r"\s*[0-9]{1,10}\s*", text) for text in test.values):
        raise bad(f"The operator '{test.operator}' on '{test.name}' takes the numbers of choices.")
    piece = f"instr(',' || {expression} || ',', ',' || ? || ',') > 0"
    return Condition(f"({' OR '.join([piece] * len(test.values))})", tuple(text.strip() for text in test.values))


def _equals_user(_column: Column, expression: str, _test: Test, requester: Requester) -> Condition:
    return Condition(f"{expression} = ?", (requester.user,))


def _equals_business_unit(_column: Column, expression: str, _test: Test, requester: Requester) -> Condition:
    own = "SELECT businessunitid FROM systemuser WHERE systemuserid = ?"
    return Condition(f"{expression} = ({own})", (requester.user,))


def _own_teams() -> str:
    if "teammembership" not in catalog.BY_NAME:
        raise errors.unknown("teams")
    return "SELECT teamid FROM teammembership WHERE systemuserid = ?"


def _equals_teams(_column: Column, expression: str, _test: Test, requester: Requester) -> Condition:
    return Condition(f"{expression} IN ({_own_teams()})", (requester.user,))


def _equals_user_or_teams(_column: Column, expression: str, _test: Test, requester: Requester) -> Condition:
    return Condition(f"({expression} = ? OR {expression} IN ({_own_teams()}))", (requester.user, requester.user))


def _equals_user_or_reports(_column: Column, expression: str, _test: Test, requester: Requester) -> Condition:
    reports = hierarchies.under("systemuser")
    return Condition(f"({expression} = ? OR {expression} IN ({reports}))", (requester.user, requester.user))


def _equals_user_or_reports_or_teams(column: Column, expression: str, test: Test, requester: Requester) -> Condition:
    return joined(
        "OR", (handler(column, expression, test, requester) for handler in (_equals_user_or_reports, _equals_teams))
    )


Handler = Callable[[Column, str, Test, Requester], Condition]


def _related(ids: Callable[[str], str], *, itself: bool) -> Handler:
    """Return the handler that selects the rows above or below the one in the condition."""

    def related(column: Column, expression: str, test: Test, _asker: Requester) -> Condition:
        found, row_id = ids(hierarchies.table_of(column)), literal(column, _single(test))
        own = f"{expression} = ? OR " if itself else ""
        return Condition(f"({own}{expression} IN ({found}))", (row_id,) * (1 + itself))

    return related


def _negated(handler: Handler) -> Handler:
    def negative(column: Column, expression: str, test: Test, requester: Requester) -> Condition:
        found = handler(column, expression, test, requester)
        return Condition(f"(NOT ({found.sql}) OR {expression} IS NULL)", found.parameters)

    return negative


_HANDLERS: dict[str, Handler] = {
    "null": _is_null,
    "not-null": _is_not_null,
    "in": _is_in,
    "not-in": _negated(_is_in),
    "between": _between,
    "not-between": _negated(_between),
    "contain-values": _contains_values,
    "not-contain-values": _negated(_contains_values),
    "eq-userid": _equals_user,
    "ne-userid": _negated(_equals_user),
    "eq-businessid": _equals_business_unit,
    "ne-businessid": _negated(_equals_business_unit),
    "eq-userteams": _equals_teams,
    "eq-useroruserteams": _equals_user_or_teams,
    "eq-useroruserhierarchy": _equals_user_or_reports,
    "eq-useroruserhierarchyandteams": _equals_user_or_reports_or_teams,
    "above": _related(hierarchies.above, itself=False),
    "eq-or-above": _related(hierarchies.above, itself=True),
    "under": _related(hierarchies.under, itself=False),
    "eq-or-under": _related(hierarchies.under, itself=True),
    "not-under": _negated(_related(hierarchies.under, itself=False)),
}
# Every known operator.
NAMES = dates.NAMES | {*_COMPARISONS, *_PATTERNS, *_HANDLERS, *_DAYS}
