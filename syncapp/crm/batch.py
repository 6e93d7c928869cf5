"""Encoding of `$batch` requests and decoding of their answers. No I/O.

Source: "Execute batch operations using the Web API". A `Write` needs the ETag that the row had when it was read: a
PATCH without `If-Match` would recreate a deleted row. A `Create` never changes an existing row.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from uuid import UUID

from syncapp.crm import odata
from syncapp.crm.errors import ProtocolError

MAX_PARTS = 1000

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?")
_BOUNDARY = re.compile(
    r'multipart/mixed\s*;(?:[^"]*;)?\s*boundary="?([A-Za-z0-9\'()+_,./:=?-]{1,120})"?', re.IGNORECASE
)
# Only change sets are nested.
_MAX_DEPTH = 1


@dataclass(frozen=True, slots=True)
class Read:
    """A GET inside a batch; `path` is relative to the API path and already encoded."""

    path: str
    headers: Mapping[str, str]

    @property
    def asked(self) -> str:
        """Return the method and the table, without keys and filters, which may identify a person."""
        return f"GET {odata.table_of(self.path)}"


@dataclass(frozen=True, slots=True)
class Write:
    """A PATCH that applies only if the row still has this ETag; `returns` names the columns to return."""

    set_name: str
    row_id: UUID
    etag: str
    body: Mapping[str, object]
    tag: str = ""
    returns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        odata.require_etag(self.etag)

    @property
    def path(self) -> str:
        """Return the address of the row."""
        return odata.row_path(self.set_name, self.row_id)

    @property
    def condition(self) -> Mapping[str, str]:
        """Return the header with the ETag that the row must still have."""
        return {"If-Match": self.etag}


@dataclass(frozen=True, slots=True)
class WriteAnyVersion:
    """A PATCH of an existing row in any version, for tables without versions; it never creates a row."""

    set_name: str
    row_id: UUID
    body: Mapping[str, object]
    tag: str = ""
    returns: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Return the address of the row."""
        return odata.row_path(self.set_name, self.row_id)

    @property
    def condition(self) -> Mapping[str, str]:
        """Return the header with the wildcard, which matches every existing row ("Perform conditional operations")."""
        return {"If-Match": "*"}


@dataclass(frozen=True, slots=True)
class Create:
    """A PATCH that creates a row and never changes one: 412 if it exists ("Perform conditional operations").

    `path` names the row by its id or by an alternate key.
    """

    set_name: str
    path: str
    body: Mapping[str, object]
    tag: str = ""
    returns: tuple[str, ...] = ()

    @property
    def condition(self) -> Mapping[str, str]:
        """Return the header that forbids updating."""
        return {"If-None-Match": "*"}


AnyWrite = Write | WriteAnyVersion | Create


def describe_writes(writes: Sequence[AnyWrite]) -> str:
    """Return the method and the tables of a change set, without keys and values."""
    return f"PATCH {', '.join(dict.fromkeys(write.set_name for write in writes))}"


@dataclass(frozen=True, slots=True)
class Part:
    """The answer to one request of a batch; `asked` is that request's method and table, if known."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    asked: str = ""

    @property
    def failed(self) -> bool:
        return self.status >= 400

    def json(self) -> dict[str, Any]:
        return odata.parse_json(self.body)


@dataclass(frozen=True, slots=True)
class ChangeSetResponse:
    """The answers inside a change set."""

    parts: tuple[Part, ...]


BatchResponse = Part | ChangeSetResponse


@dataclass(frozen=True, slots=True)
class Encoded:
    """The body and headers of a batch, and the number of its requests."""

    headers: Mapping[str, str]
    body: bytes
    operations: int = 1


def encode_reads(reads: Sequence[Read], *, api_path: str = odata.API_PATH) -> Encoded:
    """Encode a batch of GETs; one that fails does not stop the others."""
    return encode_mixed(reads, api_path=api_path)


def encode_mixed(items: Sequence[Read | Sequence[AnyWrite]], *, api_path: str = odata.API_PATH) -> Encoded:
    """Encode a batch of GETs and change sets, executed in order; one that fails does not stop the others."""
    operations = sum(1 if isinstance(item, Read) else len(item) for item in items)
    _require_count(operations)
    boundary = _new_boundary("batch")
    parts = [
        _envelope(_request("GET", api_path + item.path, item.headers, b""))
        if isinstance(item, Read)
        else _change_set(item, api_path)
        for item in items
    ]
    return Encoded(
        headers={
            "Content-Type": f'multipart/mixed; boundary="{boundary}"',
            "Prefer": "odata.continue-on-error",
        },
        body=_multipart(boundary, parts),
        operations=operations,
    )


def encode_change_set(writes: Sequence[AnyWrite], *, api_path: str = odata.API_PATH) -> Encoded:
    """Encode a batch with one change set, which is applied as a whole or not at all."""
    _require_count(len(writes))
    boundary = _new_boundary("batch")
    return Encoded(
        headers={"Content-Type": f'multipart/mixed; boundary="{boundary}"'},
        body=_multipart(boundary, [_change_set(writes, api_path)]),
        operations=len(writes),
    )


def decode(content_type: str, body: bytes) -> tuple[BatchResponse, ...]:
    """Decode the complete answers, in order.

    An incomplete answer is left out: the outcome of a missing part is unknown, not failed. Raises ProtocolError when
    the body is not a batch answer.
    """
    return tuple(_response(block, depth=0) for block in _blocks(content_type, body))


def _require_count(requests: int) -> None:
    if not 0 < requests <= MAX_PARTS:
        raise ValueError(f"A batch takes 1 to {MAX_PARTS} requests, not {requests}.")


def _new_boundary(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(16)}"


def _change_set(writes: Sequence[AnyWrite], api_path: str) -> bytes:
    if not writes:
        raise ValueError("An empty change set.")
    boundary = _new_boundary("changeset")
    parts = []
    for number, write in enumerate(writes, start=1):
        path = odata.query(write.path, select=write.returns, tag=write.tag)
        headers = {"Content-Type": "application/json; type=entry", **write.condition}
        if write.returns:
            headers |= odata.preferences(returns_row=True)
        parts.append(_envelope(_request("PATCH", api_path + path, headers, odata.body_of(write.body)), number))
    return _lines(f'Content-Type: multipart/mixed; boundary="{boundary}"', "") + _multipart(boundary, parts)


def _request(method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    merged = {"Accept": "application/json", **headers}
    return _lines(f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in merged.items()), "") + body


def _envelope(request: bytes, content_id: int | None = None) -> bytes:
    headers = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id is not None:
        headers.append(f"Content-ID: {content_id}")
    return _lines(*headers, "") + request


def _multipart(boundary: str, parts: Sequence[bytes]) -> bytes:
    opened = [f"--{boundary}\r\n".encode() + part + b"\r\n" for part in parts]
    return b"".join(opened) + f"--{boundary}--\r\n".encode()


def _lines(*lines: str) -> bytes:
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("A line break inside a header.")
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def _blocks(content_type: str, body: bytes) -> list[bytes]:
    match = _BOUNDARY.match(content_type)
    if match is None:
        raise ProtocolError("The CRM's batch answer has no boundary.", code="batch")
    # The line break before a delimiter belongs to it. JSON escapes line breaks, so a body cannot contain a delimiter.
    delimiter = re.compile(rb"(?:\A|\r?\n)--" + re.escape(match[1].encode()) + rb"(?:--)?[ \t]*(?=\r?\n|\Z)")
    marks = list(delimiter.finditer(body))
    if not marks:
        raise ProtocolError("The CRM's batch answer is not multipart.", code="batch")
    return [body[mark.end() : following.start()] for mark, following in pairwise(marks)]


def _response(block: bytes, *, depth: int) -> BatchResponse:
    headers, content = _split(block.lstrip(b"\r\n") if block.startswith((b"\r\n", b"\n")) else block)
    content_type = headers.get("content-type", "")
    if not content_type.lower().startswith("multipart/"):
        status_line, _, rest = content.lstrip(b"\r\n").partition(b"\n")
        match = _STATUS_LINE.fullmatch(status_line.rstrip(b"\r"))
        if match is None:
            raise ProtocolError("A part of the CRM's batch answer has no status.", code="batch")
        part_headers, body = _split(rest)
        return Part(status=int(match[1]), headers=part_headers, body=body.strip())
    if depth >= _MAX_DEPTH:
        raise ProtocolError("The CRM's batch answer is nested too deeply.", code="batch")
    parts = [_response(inner, depth=depth + 1) for inner in _blocks(content_type, content)]
    return ChangeSetResponse(tuple(part for part in parts if isinstance(part, Part)))


def _split(block: bytes) -> tuple[dict[str, str], bytes]:
    headers: dict[str, str] = {}
    rest = block
    while rest:
        line, _, rest = rest.partition(b"\n")
        name, colon, value = line.rstrip(b"\r").partition(b":")
        if not name.strip():
            break
        if not colon:
            raise ProtocolError("A part of the CRM's batch answer has a broken header.", code="batch")
        headers[name.decode("latin-1").strip().lower()] = value.decode("latin-1").strip()
    return headers, rest
