"""Conversion of the WHERE of the SDK's SQL to the filters of a query."""

from __future__ import annotations

from dataverse_sandbox.fetchxml.parsing import MAX_CONDITIONS, MAX_FILTER_DEPTH, MAX_VALUES
from dataverse_sandbox.fetchxml.query import Filter, Test
from dataverse_sandbox.fetchxml.tokens import Name, Tokens, bad_sql, listed, read_name

_COMPARISONS = {"=": "eq", "<>": "ne", "!=": "ne", ">": "gt", ">=": "ge", "<": "lt", "<=": "le"}


class Conditions:
    """Reader of a WHERE clause, with limits for nested brackets and the number of conditions."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._depth = self._conditions = 0

    def read(self) -> Filter:
        parts = [self._all_of()]
        while self._tokens.take("or"):
            parts.append(self._all_of())
        return Filter(tuple(parts), any_of=True)

    def _all_of(self) -> Filter:
        parts = [self._one()]
        while self._tokens.take("and"):
            parts.append(self._one())
        return Filter(tuple(parts))

    def _one(self) -> Filter:
        """Read one condition, or a group of conditions in brackets."""
        if self._tokens.take("("):
            return self._in_brackets()
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise bad_sql(f"there are more than {MAX_CONDITIONS} conditions.")
        name = read_name(self._tokens)
        if self._tokens.take("is"):
            operator = "not-null" if self._tokens.take("not") else "null"
            self._tokens.expect("null")
            return Filter((Test(name.column, operator, entity=name.alias),))
        return self._comparison(name)

    def _in_brackets(self) -> Filter:
        self._depth += 1
        if self._depth > MAX_FILTER_DEPTH:
            raise bad_sql(f"brackets are nested more than {MAX_FILTER_DEPTH} deep.")
        inner = self.read()
        self._tokens.expect(")")
        self._depth -= 1
        return inner

    def _comparison(self, name: Name) -> Filter:
        negative = self._tokens.take("not")
        for word, read_values in (("like", self._single), ("in", self._several), ("between", self._pair)):
            if self._tokens.take(word):
                operator = f"not-{word}" if negative else word
                return _known(name, Test(name.column, operator, read_values(), entity=name.alias), negative=negative)
        sign = self._tokens.pop("sign").value
        if negative or sign not in _COMPARISONS:
            raise bad_sql(f"'{sign}' is not a comparison.")
        operator = _COMPARISONS[sign]
        if self._tokens.next.kind == "word":
            other = read_name(self._tokens)
            path = f"{other.alias}.{other.column}" if other.alias else other.column
            return Filter((Test(name.column, operator, entity=name.alias, other=path),))
        return _known(name, Test(name.column, operator, self._single(), entity=name.alias), negative=operator == "ne")

    def _value(self) -> str:
        return self._tokens.pop("text", "number").value

    def _single(self) -> tuple[str, ...]:
        return (self._value(),)

    def _several(self) -> tuple[str, ...]:
        self._tokens.expect("(")
        found = listed(self._tokens, self._value)
        if len(found) > MAX_VALUES:
            raise bad_sql(f"IN takes at most {MAX_VALUES} values.")
        self._tokens.expect(")")
        return found

    def _pair(self) -> tuple[str, ...]:
        low = self._value()
        self._tokens.expect("and")
        return low, self._value()


def _known(name: Name, test: Test, *, negative: bool) -> Filter:
    """Exclude empty values, for which `<>` is never true in SQL but always true in FetchXML."""
    return Filter((test, Test(name.column, "not-null", entity=name.alias)) if negative else (test,))
