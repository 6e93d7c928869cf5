"""Parser of dataverse_sandbox/README.md: every row of its tables is a request and its expected answer.

A request is `METHOD path body + Header: value`; `BATCH` sends the requests between ` && ` as one batch, those between
`[` and `]` as a change set; `LIMITS` sets service protection limits for one request; `SANDBOX` sends a control request
before the others, which are then sent one by one. An answer is a status and, optionally, a text that the answer's
headers or body contain; if several requests are sent one by one, the last answer counts.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import requests

from dataverse_sandbox import query_functions
from dataverse_sandbox.catalog import BUILT_IN, Table
from dataverse_sandbox.tests.caller import Sandbox, request_text

DOCUMENT = Path(__file__).parents[1] / "README.md"
ROW = re.compile(r"^\| (.+?) \| `([A-Z]+ ?.*?)` \| (\d{3})(?: `(.+?)`)? \| (.+?) \| (.+?) \|$")
OPERATOR = re.compile(r"^\| `([\w-]+)` \| (?:`(\w+)`|none) \| `([\w.]+)((?: \S+)*)` \| (.+?) \|$")
REQUEST = re.compile(
    r"^(?P<method>[A-Z]+)(?P<path> (?!\+ ).*?)??(?P<body> \{.*\})?(?P<headers>(?: \+ [A-Za-z][\w.-]*: [^+]*)*)$",
    re.DOTALL,
)


@dataclass(frozen=True)
class Request:
    """One request of a row; the path is below the Web API's root."""

    method: str
    path: str
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)

    def sent(self, sandbox: Sandbox) -> requests.Response:
        return sandbox.session.request(self.method, sandbox.api + self.path, headers=self.headers, json=self.body)

    def as_part(self) -> str:
        return request_text(self.method, f"/api/data/v9.2/{self.path}", self.body, **self.headers)


@dataclass(frozen=True)
class Row:
    """A row of the document: a request and its expected answer."""

    operation: str
    request: str
    status: int
    text: str
    state: str

    @property
    def only_reads(self) -> bool:
        return self.request.startswith("GET ")

    def sent(self, sandbox: Sandbox, ids: dict[str, str]) -> requests.Response:
        first, *parts = filled(self.request, ids).split(" && ")
        if not parts:
            return parsed(first).sent(sandbox)
        if first.startswith("SANDBOX"):
            control = parsed(first.removeprefix("SANDBOX "))
            sandbox.control(control.method, control.path, control.body)
            return [parsed(part).sent(sandbox) for part in parts][-1]
        if first.startswith("LIMITS"):
            return _limited(sandbox, json.loads(first.removeprefix("LIMITS")), parsed(parts[0]))
        return sandbox.batch(*_gathered(parts), **parsed(first).headers)


@dataclass(frozen=True)
class OperatorRow:
    """An operator of FetchXML, its function in OData or '', and an example: a column, or `table.column`, and values."""

    operator: str
    function: str
    example: str
    values: tuple[str, ...]

    @property
    def table(self) -> Table:
        return BUILT_IN.by_name[self.example.rpartition(".")[0] or "contact"]

    @property
    def column(self) -> str:
        return self.example.rpartition(".")[2]

    def in_fetch_xml(self) -> str:
        several = len(self.values) > 1
        inner = "".join(f"<value>{value}</value>" for value in self.values) if several else ""
        one = f' value="{self.values[0]}"' if len(self.values) == 1 else ""
        key = self.table.key.name
        return (
            f'{self.table.set_name}?fetchXml=<fetch><entity name="{self.table.name}"><attribute name="{key}"/>'
            f'<order attribute="{key}"/><filter><condition attribute="{self.column}" operator="{self.operator}"{one}>'
            f"{inner}</condition></filter></entity></fetch>"
        )

    def in_odata(self) -> str:
        listed = ",".join(f"'{value}'" for value in self.values)
        given = f",PropertyValues=[{listed}]" if len(self.values) > 1 else f",PropertyValue={listed}" if listed else ""
        where = f"{query_functions.NAMESPACE}{self.function}(PropertyName='{self.column}'{given})"
        key = self.table.key.name
        return f"{self.table.set_name}?$select={key}&$orderby={key}&$filter={where}"


def filled(text: str, ids: dict[str, str]) -> str:
    """Return the text with ids instead of the words in braces."""
    return re.sub(r"\{(\w+)\}", lambda match: ids.get(match[1], match[0]), text)


def parsed(text: str) -> Request:
    found = REQUEST.match(text)
    assert found, text
    headers = dict(piece.split(": ", 1) for piece in found["headers"].split(" + ")[1:])
    return Request(
        found["method"], (found["path"] or "").strip(), json.loads(found["body"]) if found["body"] else None, headers
    )


def rows() -> list[Row]:
    found = [ROW.match(line) or line for line in _lines("Operation")]
    assert not [line for line in found if isinstance(line, str)], "unreadable rows"
    return [Row(m[1], m[2], int(m[3]), m[4] or "", m[5]) for m in found if isinstance(m, re.Match)]


def operator_rows() -> list[OperatorRow]:
    found = [OPERATOR.match(line) or line for line in _lines("FetchXML operator")]
    assert not [line for line in found if isinstance(line, str)], "unreadable rows"
    return [OperatorRow(m[1], m[2] or "", m[3], tuple(m[4].split())) for m in found if isinstance(m, re.Match)]


def _lines(first_column: str) -> list[str]:
    """Return the lines of all tables whose first column has this heading."""
    found: list[str] = []
    heading = ""
    for line in DOCUMENT.read_text().splitlines():
        if not line.startswith("|"):
            heading = ""
        elif not heading:
            heading = line.split("|")[1].strip()
        elif heading == first_column and not line.startswith("|--"):
            found.append(line)
    return found


def _limited(sandbox: Sandbox, limits: object, request: Request) -> requests.Response:
    sandbox.control("PUT", "faults", {"limits": limits, "time_scale": 1})
    try:
        return request.sent(sandbox)
    finally:
        sandbox.control("DELETE", "faults")


def _gathered(parts: list[str]) -> list[str | list[str]]:
    """Return requests one by one, those of a change set together."""
    found: list[str | list[str]] = []
    change_set: list[str] | None = None
    for part in parts:
        if part == "[":
            change_set = []
            found.append(change_set)
        elif part == "]":
            change_set = None
        else:
            (found if change_set is None else change_set).append(parsed(part).as_part())
    return found
