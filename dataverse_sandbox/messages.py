"""Web API requests and answers, free of WSGI, both for single requests and for batch parts."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

from dataverse_sandbox import errors
from dataverse_sandbox.access import NO_USER, Identity
from dataverse_sandbox.errors import ApiError
from dataverse_sandbox.operations import Conditions
from dataverse_sandbox.rights import Rights

ROOT = "/api/data/v9.2/"
# Programs keep the version for which they were written ("Compose HTTP requests and handle errors").
_ROOT = re.compile(r"/api/data/v9\.[0-2]/")
JSON_TYPE = "application/json; odata.metadata=minimal"
_PREFERENCE = re.compile(
    r'([\w.\-]+)\s*(?:=\s*(?:"([^"]*)"|([^",;\s]+(?:,(?!\s*(?:odata\.|return=|respond-))[^",;\s]+)*)))?'
)
KNOWN_PREFERENCES = frozenset(
    {"odata.include-annotations", "odata.maxpagesize", "odata.track-changes", "odata.continue-on-error", "return"}
)


@dataclass(frozen=True)
class Request:
    """A request; `path` is below the root, percent-decoded; header names are lower case."""

    method: str
    path: str
    options: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base_url: str
    identity: Identity = NO_USER

    @property
    def caller(self) -> str:
        """Return the user as whom the request runs."""
        return self.identity.user

    @property
    def rights(self) -> Rights:
        return self.identity.rights

    @cached_property
    def parameters(self) -> dict[str, str]:
        """Return the options that stand for values: `@name`."""
        return {name: value for name, value in self.options.items() if name.startswith("@")}

    @cached_property
    def preferences(self) -> dict[str, str]:
        return parse_preferences(self.headers.get("prefer", ""))

    @cached_property
    def annotations(self) -> tuple[str, ...]:
        listed = self.preferences.get("odata.include-annotations", "")
        return tuple(part.strip() for part in listed.split(",") if part.strip())

    @cached_property
    def conditions(self) -> Conditions:
        if_none_match = self.headers.get("if-none-match", "")
        return Conditions(
            if_match=self.headers.get("if-match", ""),
            # The literal word "null" asks for no condition at all ("Compose HTTP requests and handle errors").
            if_none_match="" if if_none_match == "null" else if_none_match,
        )

    @cached_property
    def wants_representation(self) -> bool:
        return self.preferences.get("return") == "representation"

    def row(self) -> dict[str, object]:
        """Return the body of a write of a row, which must not be empty."""
        if not self.body.strip():
            raise errors.bad_payload("Stream was not readable.")
        return self.json()

    def json(self) -> dict[str, object]:
        try:
            body = json.loads(self.body or b"{}")
        except (ValueError, RecursionError):
            raise errors.bad_payload("The body is not JSON.") from None
        if not isinstance(body, dict):
            raise errors.bad_payload("The body is not a JSON object.")
        return body


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def split_target(target: str) -> tuple[str, dict[str, str]]:
    """Split an absolute or relative request target into the path below the root and its query options."""
    parts = urlsplit(target)
    path = unquote(parts.path)
    if known := _ROOT.match(path):
        path = path[known.end() :]
    elif path.startswith("/api/data/"):
        raise errors.unknown(f"the path '{path[:100]}'; the Web API is below {ROOT}")
    return path.lstrip("/"), dict(parse_qsl(parts.query, keep_blank_values=True))


def root_of(path: str) -> str:
    """Return the root with the version in the path; links of the answer use the same."""
    known = _ROOT.match(path)
    return known[0] if known else ROOT


def parse_preferences(text: str) -> dict[str, str]:
    """Parse `Prefer` into names and values; refuse an unknown preference with 501."""
    found = {name.lower(): quoted or plain for name, quoted, plain in _PREFERENCE.findall(text)}
    for name in found:
        if name not in KNOWN_PREFERENCES:
            raise errors.unknown(f"the preference '{name}'")
    return found


def phrase(status: int) -> str:
    """Return the reason phrase of a status line."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def json_answer(status: int, body: object, headers: Mapping[str, str] | None = None) -> Answer:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(status, text, {"Content-Type": JSON_TYPE, "OData-Version": "4.0", **(headers or {})})


def error_answer(error: ApiError, request: Request | None = None) -> Answer:
    """Return the error in JSON, with the requested annotations."""
    content: dict[str, object] = {"code": error.code, "message": error.message}
    prefer = request.headers.get("prefer", "") if request else ""
    if request and "include-annotations" in prefer:
        content |= _annotated(error, request)
    return json_answer(error.status, {"error": content}, error.headers)


def _annotated(error: ApiError, request: Request) -> dict[str, object]:
    try:
        patterns = request.annotations
    except ApiError:
        # The error may be about this very header.
        return {}
    return {f"@{name}": text for name, text in error.details().items() if wants(patterns, name)}


def wants(patterns: tuple[str, ...], annotation: str) -> bool:
    """Return whether `odata.include-annotations` includes an annotation, by name or by `*`."""
    return any(fnmatchcase(annotation, pattern) for pattern in patterns)


def with_headers(answer: Answer, headers: Mapping[str, str]) -> Answer:
    return replace(answer, headers={**answer.headers, **headers}) if headers else answer


def signed(answer: Answer) -> Answer:
    """Add the request ids, which Microsoft's support needs."""
    found = str(uuid.uuid4())
    return with_headers(answer, {"x-ms-service-request-id": found, "REQ_ID": found})
