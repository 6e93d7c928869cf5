"""`$batch`: multipart requests, parsed, run and answered in order ("Execute batch operations").

Accepts CRLF and bare LF, quoted boundaries, absolute and relative URLs, and blanks inside a request line. A change set
is one transaction and, when it fails, one part of the answer.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from dataverse_sandbox import errors, messages
from dataverse_sandbox.errors import ApiError
from dataverse_sandbox.messages import Answer, Request, error_answer
from dataverse_sandbox.store import Store, Transaction
from dataverse_sandbox.webapi import WebApi, entity_path

MAX_REQUESTS = 1_000
MAX_ADDRESS_LENGTH = 65_536
_BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"]+)"|([^;\s]+))', re.IGNORECASE)
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_REQUEST_LINE = re.compile(r"^(\w+)\s+(.+?)\s+HTTP/\d\.\d\s*$")
_REFERENCE = re.compile(r"^(?:https?://[^/]+)?/?(?:api/data/v9\.\d/)?\$(\w+)(?=$|[/(?])")

Headers = dict[str, str]


@dataclass(frozen=True)
class Part:
    """One request inside a batch; its address may be a reference such as `$1`."""

    request: Request
    target: str
    content_id: str


@dataclass(frozen=True)
class ChangeSet:
    parts: tuple[Part, ...]


Item = Part | ChangeSet


def parse(outer: Request) -> tuple[Item, ...]:
    """Return the batch's items in order. Raises ApiError 400 when the body is not a batch."""
    items = tuple(
        _item(outer, headers, content)
        for headers, content in _sections(outer.headers.get("content-type", ""), outer.body)
    )
    if sum(len(item.parts) if isinstance(item, ChangeSet) else 1 for item in items) > MAX_REQUESTS:
        raise errors.bad_query(f"The batch holds more than {MAX_REQUESTS} requests.")
    return items


def parts_of(items: tuple[Item, ...]) -> Iterator[Part]:
    for item in items:
        yield from item.parts if isinstance(item, ChangeSet) else (item,)


def _sections(content_type: str, body: bytes) -> Iterator[tuple[Headers, bytes]]:
    match = _BOUNDARY.search(content_type)
    if match is None or not content_type.lower().startswith("multipart/mixed"):
        raise errors.bad_query("A batch is multipart/mixed with a boundary.")
    delimiter = re.escape((match[1] or match[2]).encode())
    pieces = re.split(rb"(?:^|\r?\n)--" + delimiter + rb"(--)?[ \t]*(?=\r?\n|$)", body)
    # split gives: preamble, end mark or None, piece, end mark or None, piece, ...
    if len(pieces) < 3 or pieces[-2] is None:
        raise errors.bad_query("The batch does not end with its boundary.")
    for piece in pieces[2:-2:2]:
        yield _head_and_rest(piece.lstrip(b"\r\n"))


def _head_and_rest(piece: bytes) -> tuple[Headers, bytes]:
    """Split a piece into its headers and what follows them."""
    head, *rest = _BLANK_LINE.split(piece, maxsplit=1)
    return _headers(head.decode("utf-8", "replace").splitlines()), rest[0] if rest else b""


def _headers(lines: list[str]) -> Headers:
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _item(outer: Request, headers: Headers, content: bytes) -> Item:
    kind = headers.get("content-type", "")
    if kind.lower().startswith("multipart/mixed"):
        inner = (_part(outer, head, rest) for head, rest in _sections(kind, content))
        change_set = ChangeSet(tuple(inner))
        if any(part.request.method == "GET" for part in change_set.parts):
            raise errors.bad_query("A change set cannot contain GET requests.")
        return change_set
    return _part(outer, headers, content)


def _part(outer: Request, headers: Headers, content: bytes) -> Part:
    if not headers.get("content-type", "").lower().startswith("application/http"):
        raise errors.bad_query("A part of a batch is application/http or a change set.")
    head, *rest = _BLANK_LINE.split(content.lstrip(b"\r\n"), maxsplit=1)
    first, *lines = head.decode("utf-8", "replace").splitlines() or [""]
    match = _REQUEST_LINE.match(first)
    if match is None:
        raise errors.bad_query(f"'{first[:100]}' is not a request line.")
    if len(match[2]) > MAX_ADDRESS_LENGTH:
        raise errors.bad_query(f"An address in the batch is longer than {MAX_ADDRESS_LENGTH} characters.")
    own = _headers(lines)
    path, options = messages.split_target(match[2])
    if path == "$batch":
        raise errors.bad_query("A batch cannot contain a batch.")
    request = replace(
        outer, method=match[1].upper(), path=path, options=options, headers=own, body=rest[0] if rest else b""
    )
    return Part(request, match[2], own.get("content-id") or headers.get("content-id", ""))


def answer(
    store: Store, api: WebApi, outer: Request, items: tuple[Item, ...], faults: Mapping[int, ApiError]
) -> Answer:
    """Run the items; `faults` maps an item's position to the error that replaces its answer."""
    run = _Run(store, api, outer, faults)
    go_on = "odata.continue-on-error" in outer.preferences
    rendered: list[bytes] = []
    status = 200
    for item in items:
        piece, failed = run.item(item)
        rendered.append(piece)
        if failed and not go_on:
            status = 400
            break
    boundary = f"batchresponse_{uuid.uuid4()}"
    body = _joined(boundary, rendered)
    content_type = f"multipart/mixed; boundary={boundary}"
    return Answer(status, body, {"Content-Type": content_type, "OData-Version": "4.0"})


class _Run:
    """One batch while it runs."""

    def __init__(self, store: Store, api: WebApi, outer: Request, faults: Mapping[int, ApiError]) -> None:
        self._store, self._api, self._outer, self._faults = store, api, outer, faults
        self._position = 0

    def item(self, item: Item) -> tuple[bytes, bool]:
        """Return the item's part of the answer, and whether it failed."""
        if isinstance(item, ChangeSet):
            return self._change_set(item)
        answer = self._guarded(item)
        return _part_bytes(answer, item.content_id), answer.status >= 400

    def _guarded(self, part: Part) -> Answer:
        try:
            return self._ordinary(part)
        except ApiError as error:
            return error_answer(error, part.request)

    def _ordinary(self, part: Part) -> Answer:
        self._raise_fault()
        return self._api.single(_resolved(part, {}))

    def _raise_fault(self) -> None:
        position, self._position = self._position, self._position + 1
        if position in self._faults:
            raise self._faults[position]

    def _change_set(self, change_set: ChangeSet) -> tuple[bytes, bool]:
        end = self._position + len(change_set.parts)
        try:
            answers = self._in_one_transaction(change_set)
        except _PartFailed as failure:
            self._position = end
            return _part_bytes(error_answer(failure.error, failure.part.request), failure.part.content_id), True
        boundary = f"changesetresponse_{uuid.uuid4()}"
        pieces = [_part_bytes(answer, part.content_id) for part, answer in zip(change_set.parts, answers, strict=True)]
        head = f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n".encode()
        return head + _joined(boundary, pieces), False

    def _in_one_transaction(self, change_set: ChangeSet) -> list[Answer]:
        answers: list[Answer] = []
        made: dict[str, str] = {}
        with self._store.write(self._outer.identity.author) as transaction:
            for part in change_set.parts:
                try:
                    answers.append(self._write_part(transaction, part, made))
                except ApiError as error:
                    raise _PartFailed(error, part) from None
        return answers

    def _write_part(self, transaction: Transaction, part: Part, made: dict[str, str]) -> Answer:
        self._raise_fault()
        answer = self._api.write(transaction, _resolved(part, made))
        if part.content_id:
            made[part.content_id] = entity_path(answer)
        return answer


class _PartFailed(Exception):
    """A request of a change set failed: the transaction rolls back and this is the change set's answer."""

    def __init__(self, error: ApiError, part: Part) -> None:
        super().__init__(str(error))
        self.error = error
        self.part = part


def _resolved(part: Part, made: Mapping[str, str]) -> Request:
    """Replace `$1` and the like by the addresses of rows created earlier in the change set."""
    request = part.request
    if _REFERENCE.match(part.target):
        path, options = messages.split_target(_REFERENCE.sub(lambda match: _made(match[1], made), part.target))
        request = replace(request, path=path, options=options)
    if b'"$' not in request.body:
        return request
    body = {name: _dereferenced(name, value, made) for name, value in request.json().items()}
    return replace(request, body=json.dumps(body).encode())


def _dereferenced(name: str, value: object, made: Mapping[str, str]) -> object:
    is_reference = isinstance(value, str) and name.endswith(("@odata.bind", "@odata.id"))
    match = _REFERENCE.match(str(value)) if is_reference else None
    return "/" + _made(match[1], made) if match else value


def _made(content_id: str, made: Mapping[str, str]) -> str:
    if content_id not in made:
        raise errors.bad_query(f"Content-ID Reference: '${content_id}' does not exist in the batch context.")
    return made[content_id]


def _part_bytes(answer: Answer, content_id: str) -> bytes:
    head = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id:
        head.append(f"Content-ID: {content_id}")
    own = [f"HTTP/1.1 {answer.status} {messages.phrase(answer.status)}"]
    headers = messages.signed(answer).headers if answer.status >= 400 else answer.headers
    own += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*head, "", *own, "", ""]).encode() + answer.body + b"\r\n"


def _joined(boundary: str, pieces: list[bytes]) -> bytes:
    mark = f"--{boundary}".encode()
    return b"".join(mark + b"\r\n" + piece for piece in pieces) + mark + b"--\r\n"
