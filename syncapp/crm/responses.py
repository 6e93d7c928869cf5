"""Interpretation of answers: statuses and error bodies become the exceptions of `errors`. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from syncapp.crm import odata
from syncapp.crm.batch import AnyWrite, BatchResponse, ChangeSetResponse, Part, Read, decode, describe_writes
from syncapp.crm.errors import (
    CredentialsRefused,
    CrmError,
    Forbidden,
    NotFound,
    ProtocolError,
    Rejected,
    ServerFault,
    Stale,
    Throttled,
    Unreachable,
)

_BY_STATUS: Mapping[int, type[CrmError]] = {
    401: CredentialsRefused,
    403: Forbidden,
    404: NotFound,
    412: Stale,
    429: Throttled,
}
# A deadlock or a timeout of the CRM's database ("Use bulk operation messages"), which says nothing about the value. The
# documentation does not name its status.
_TRANSIENT_CODES = frozenset({"0x80044150", "0x80044151"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_MIN_WAIT, _MAX_WAIT = 1.0, 900.0


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer: header names in lower case, the body decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_multipart(self) -> bool:
        """Return whether this is the answer to a batch, whose own status says nothing about its parts."""
        return self.headers.get("content-type", "").lower().startswith("multipart/")


def failure(response: Response | Part, *, request_id: str = "", asked: str = "") -> CrmError:
    """Return the error for an answer with a status of 300 or above; `asked` names the request."""
    code, message = odata.error_details(response.body)
    kind: type[CrmError]
    if code.lower() in _TRANSIENT_CODES or response.status >= 500:
        kind = ServerFault
    elif response.status < 400:
        # No request of ours should be redirected, and following could leak the token.
        kind = ProtocolError
    else:
        kind = _BY_STATUS.get(response.status, Rejected)
    return kind(
        message or f"The CRM answered {response.status}.",
        status=response.status,
        code=code,
        request_id=request_id_of(response.headers) or request_id,
        retry_after=retry_after_of(response.headers),
        asked=asked or (response.asked if isinstance(response, Part) else ""),
    )


def request_id_of(headers: Mapping[str, str]) -> str:
    """Return the CRM's id of the request, '' when there is none that can be logged."""
    for name in ("x-ms-service-request-id", "req_id"):
        value = headers.get(name, "")
        if _REQUEST_ID.fullmatch(value):
            return value
    return ""


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait, between 1 and 900; None when the header is absent or invalid.

    The header is a number of seconds or an HTTP date ("Service protection API limits").
    """
    value = headers.get("retry-after", "").strip()
    try:
        if re.fullmatch(r"[0-9]{1,9}", value):
            seconds = float(value)
        else:
            moment = parsedate_to_datetime(value)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            seconds = (moment - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, _MIN_WAIT), _MAX_WAIT)


def hint_of(headers: Mapping[str, str]) -> int | None:
    """Return how many concurrent calls the CRM recommends ("Send parallel requests"), or None."""
    value = headers.get("x-ms-dop-hint", "").strip()
    return int(value) if re.fullmatch(r"[1-9][0-9]{0,3}", value) else None


def throttled_parts(response: Response) -> tuple[CrmError, ...]:
    """Return the errors of the parts of a batch that were answered 429."""
    try:
        responses = batch_responses(response)
    except ProtocolError:
        return ()
    return tuple(failure(part) for part in _parts_of(responses) if part.status == 429)


def batch_responses(response: Response) -> tuple[BatchResponse, ...]:
    """Return the parts of a batch answer; the outer status may be that of a failed part."""
    return decode(response.headers.get("content-type", ""), response.body)


def require_parts(response: Response, reads: Sequence[Read]) -> tuple[Part, ...]:
    """Return one part per read. Raises Unreachable when some are missing."""
    parts = [part for part in batch_responses(response) if isinstance(part, Part)]
    if len(parts) < len(reads):
        raise Unreachable("The CRM's batch answer broke off.", request_id=request_id_of(response.headers))
    if len(parts) > len(reads):
        raise ProtocolError("The CRM answered more than it was asked.", code="batch")
    return tuple(replace(part, asked=read.asked) for part, read in zip(parts, reads, strict=True))


def require_committed(response: Response, writes: Sequence[AnyWrite]) -> list[Part]:
    """Return the answers to the writes of one change set.

    Raises CrmError if it was not applied, with `may_have_applied` unless it was clearly refused.
    """
    request_id = request_id_of(response.headers)
    try:
        parts = _parts_of(batch_responses(response))
        for part in parts:
            if part.status >= 300:
                raise failure(part, request_id=request_id, asked=describe_writes(writes))
        if len(parts) != len(writes):
            raise Unreachable("The CRM's answer to a change set is not complete.", request_id=request_id)
    except (Unreachable, ServerFault, ProtocolError) as error:
        error.may_have_applied = True
        raise
    return parts


def _parts_of(responses: tuple[BatchResponse, ...]) -> list[Part]:
    return [part for each in responses for part in (each.parts if isinstance(each, ChangeSetResponse) else (each,))]
