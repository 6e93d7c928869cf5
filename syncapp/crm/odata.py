"""The syntax of the Web API: URLs, headers, bodies, error bodies. No I/O.

All parts of URLs and headers and all JSON answers pass through here; answers are parsed as untrusted input.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from uuid import UUID

from syncapp.crm.errors import ProtocolError

API_PATH = "/api/data/v9.2/"

FORMATTED = "@OData.Community.Display.V1.FormattedValue"
# "Compose HTTP requests and handle errors": a new value means that definitions changed.
DEFINITIONS = "@Microsoft.Dynamics.CRM.globalmetadataversion"
LOOKUP_TABLE = "@Microsoft.Dynamics.CRM.lookuplogicalname"

# Required by "Compose HTTP requests and handle errors"; the literal null keeps the service from answering an $expand
# from a cache.
BASE_HEADERS: Mapping[str, str] = {
    "Accept": "application/json",
    "OData-Version": "4.0",
    "OData-MaxVersion": "4.0",
    "If-None-Match": "null",
}
ANNOTATIONS = 'odata.include-annotations="*"'

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_MAX_DIGITS, _OUT_OF_RANGE = 400, "is a number out of range"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unstorable:
    """A placeholder in an answer for a value that our database cannot hold.

    It is neither a text nor a number, so readers of typed values refuse it, and only its row is unreadable. `why`
    completes the sentence "The value ...".
    """

    why: str

    def __str__(self) -> str:
        return f"(a value that {self.why})"


def identifier(name: str) -> str:
    """Return `name`. Raises ValueError unless it can be a table, set or column name."""
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError(f"Not a CRM name: {name!r}")
    return name


def literal(text: str) -> str:
    """Return a string literal for a `$filter`, with quotes doubled."""
    return "'" + text.replace("'", "''") + "'"


def escape_wildcards(text: str) -> str:
    """Escape the wildcards `%`, `_` and `[` for `startswith` and similar functions.

    Source: "Use wildcard characters in conditions for string values".
    """
    return re.sub(r"[%_\[]", r"[\g<0>]", text)


def require_etag(etag: str) -> str:
    """Return `etag`. Raises ValueError for the wildcard and any text that is not an ETag."""
    if not _ETAG.fullmatch(etag):
        raise ValueError("A write needs the ETag of the row as it was read.")
    return etag


def row_path(set_name: str, row_id: UUID) -> str:
    """Return the path of a row, relative to the API path."""
    return f"{identifier(set_name)}({row_id})"


def table_of(path: str) -> str:
    """Return the first segment of a path relative to the API path: a set or function, without keys and filters."""
    return re.split(r"[(/?]", path, maxsplit=1)[0]


def query(
    path: str,
    *,
    select: Iterable[str] = (),
    filter: str = "",
    order_by: str = "",
    top: int | None = None,
    expand: str = "",
    fetch: str = "",
    tag: str = "",
) -> str:
    """Return `path` with its query options, percent-encoded."""
    options = {
        "$select": ",".join(identifier(name) for name in select),
        "$filter": filter,
        "$orderby": order_by,
        "$top": str(top or ""),
        "$expand": expand,
        "fetchXml": fetch,
        "tag": tag,
    }
    # "$" and the punctuation of OData are legal in a query string and readable in traces.
    pairs = [f"{name}={quote(value, safe='(),=$;/:')}" for name, value in options.items() if value]
    return path + ("?" + "&".join(pairs) if pairs else "")


def any_of(column: str, ids: Sequence[UUID]) -> str:
    """Return a `$filter` for rows whose GUID column holds one of `ids`."""
    return " or ".join(f"{identifier(column)} eq {row_id}" for row_id in ids)


def preferences(
    *, page_size: int | None = None, track_changes: bool = False, returns_row: bool = False
) -> dict[str, str]:
    """Return the `Prefer` header, which asks for labels, and if wanted, for pages, a delta link or the written row."""
    wanted = [ANNOTATIONS, "return=representation"] if returns_row else [ANNOTATIONS]
    if page_size is not None:
        wanted.append(f"odata.maxpagesize={page_size}")
    if track_changes:
        wanted.append("odata.track-changes")
    return {"Prefer": ",".join(wanted)}


def body_of(values: Mapping[str, object]) -> bytes:
    """Return a JSON object in which decimals keep all digits, which they would lose as floats."""
    texts = {
        name: format(value, "f") if isinstance(value, Decimal) else json.dumps(value) for name, value in values.items()
    }
    return ("{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in texts.items()) + "}").encode()


def parse_json(data: bytes) -> dict[str, Any]:
    """Parse a JSON object. Raises ProtocolError for anything else.

    Values that our database cannot hold become `Unstorable`: NUL, lone surrogates, NaN, infinities, huge numbers.
    """
    try:
        parsed = json.loads(
            data.decode("utf-8-sig"),
            parse_float=_decimal,
            parse_int=lambda digits: int(digits) if len(digits) <= _MAX_DIGITS else Unstorable(_OUT_OF_RANGE),
            parse_constant=lambda name: Unstorable(f"is {name}, which is no number"),
        )
        # Only escapes can produce these characters, so this pass is rarely needed.
        if _ESCAPED_SURROGATE.search(data) or b"\\u0000" in data:
            parsed = _storable(parsed)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("The CRM's answer is not valid JSON.", code="json") from error
    if not isinstance(parsed, dict):
        raise ProtocolError("The CRM's answer is not a JSON object.", code="json")
    return parsed


def _decimal(text: str) -> Decimal | Unstorable:
    number = Decimal(text)
    is_too_large = len(text) > _MAX_DIGITS or abs(number.adjusted()) > _MAX_DIGITS
    return Unstorable(_OUT_OF_RANGE) if is_too_large else number


def _storable(parsed: Any) -> Any:
    """Return `parsed` with texts that hold a NUL or a lone surrogate replaced by `Unstorable`."""
    if isinstance(parsed, str):
        return _storable_text(parsed)
    if isinstance(parsed, list):
        return [_storable(each) for each in parsed]
    if isinstance(parsed, dict):
        return {str(_storable_text(name)): _storable(value) for name, value in parsed.items()}
    return parsed


def _storable_text(text: str) -> str | Unstorable:
    if "\x00" in text:
        return Unstorable("holds a NUL character (U+0000)")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return Unstorable("holds half a character (a lone surrogate)")
    return text


def error_details(data: bytes) -> tuple[str, str]:
    """Return the code and message of an error body; both are empty if it is not one.

    Format: "Compose HTTP requests and handle errors", section on parsing errors.
    """
    try:
        error = parse_json(data).get("error")
    except ProtocolError:
        return "", ""
    if not isinstance(error, dict):
        return "", ""
    return str(error.get("code") or "")[:100], str(error.get("message") or "")[:4000]


def collection(payload: Row) -> list[Row]:
    """Return the rows of a collection; an item that is not a row becomes an empty one, which its reader refuses."""
    rows = payload.get("value")
    if not isinstance(rows, list):
        raise ProtocolError("The CRM's answer is not a list of rows.", code="shape")
    return [row if isinstance(row, dict) else {} for row in rows]


def link(payload: Row, name: str) -> str:
    """Return the link `@odata.nextLink` or `@odata.deltaLink` of an answer, '' when it has none."""
    value = payload.get(name, "")
    if not isinstance(value, str):
        raise ProtocolError(f"{name} is not a link.", code="link")
    return value


def lacks_columns(link: str, select: Iterable[str]) -> bool:
    """Return whether a link selects columns, but not all columns of `select`."""
    selected = parse_qs(urlsplit(link).query).get("$select")
    return selected is not None and not set(select) <= set(selected[0].split(","))


def entity_set_name(table: str) -> str:
    """Return a table's set name by the CRM's rule for plurals ("Web API types and operations")."""
    identifier(table)
    if table.endswith(("s", "x", "z", "ch", "sh")):
        return table + "es"
    if table.endswith("y") and table[-2:-1] not in "aeiou":
        return table[:-1] + "ies"
    return table + "s"
