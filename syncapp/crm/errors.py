"""Errors of calls to the CRM, and whether a retry can help.

    CrmError
    ├── transient: the same request may succeed later
    │   ├── Unreachable          no answer, or an incomplete one
    │   ├── ServerFault          5xx except 501, or a deadlock or timeout in its database
    │   ├── Throttled            429; `retry_after` says when
    │   └── TokenUnavailable     the sign-in service gave no token for now
    └── lasting: the request fails until something changes
        ├── CredentialsRefused   our client id, secret or token is not accepted
        ├── Forbidden            403, the application user lacks a right
        ├── NotFound             404, the row is gone
        ├── Stale                412, the row changed since it was read
        ├── Rejected             400 and other 4xx: the value or the request is refused
        ├── DeltaExpired         a stored link no longer works: read from the start
        ├── ProtocolError        an answer that we cannot understand or trust
        └── WritesDisabled       refused by the client itself, nothing was sent

`may_have_applied` is True when a write may have been committed in spite of the error. Such a write is verified by
reading, never just sent again.
"""

from __future__ import annotations


class CrmError(Exception):
    """Base class of the errors that the client raises.

    `message` may quote the CRM and is for administrators only; it is never logged. `code` is Dataverse's number
    ("0x80060882") or one of our own, `request_id` identifies the request in the CRM's traces, `retry_after` is in
    seconds. `asked` is the method and the tables of the request, without keys and filters.
    """

    lasting = True

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str = "",
        request_id: str = "",
        retry_after: float | None = None,
        may_have_applied: bool = False,
        asked: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after
        self.may_have_applied = may_have_applied
        self.asked = asked

    @property
    def is_transient(self) -> bool:
        """Return whether the same call may succeed later."""
        return not self.lasting

    @property
    def is_refusal(self) -> bool:
        """Return whether the CRM answered and would refuse the same request again."""
        return self.status is not None and not self.is_transient

    @property
    def refuses_operation(self) -> bool:
        """Return whether the CRM refuses this with any values, because it lacks the operation, table or column."""
        if not self.is_refusal:
            return False
        is_unknown = self.code.lower() in _UNKNOWN_NAMES or _UNKNOWN_PROPERTY in self.message
        return is_unknown or self.status in _NOT_OFFERED or (self.status == 404 and not self.code)


# Unknown set or property in an address, unknown table, unknown column ("Web service error codes").
_UNKNOWN_NAMES = frozenset({"0x80060888", "0x80041102", "0x80041103"})
_UNKNOWN_PROPERTY = "does not exist on type"  # the message about a property in the body of a write
_NOT_OFFERED = (405, 501)


class Unreachable(CrmError):
    """No answer, or an incomplete one."""

    lasting = False


class ServerFault(CrmError):
    """The CRM answered 5xx, or reported a deadlock or timeout in its database."""

    lasting = False

    @property
    def is_transient(self) -> bool:
        # 501: the server does not implement the request, so a retry cannot help.
        return self.status != 501


class Throttled(CrmError):
    """429: a service protection limit was exceeded; calls may resume after `retry_after` seconds."""

    lasting = False


class TokenUnavailable(CrmError):
    """The sign-in service could not be reached, or reported a temporary error."""

    lasting = False


class CredentialsRefused(CrmError):
    """Our credentials are wrong or expired, or a new token was refused too."""

    @property
    def is_refusal(self) -> bool:
        # Our identity is not accepted, so this says nothing about the request.
        return False


class Forbidden(CrmError):
    """403: the application user lacks a right for this operation."""


class NotFound(CrmError):
    """404: the row does not exist."""


class Stale(CrmError):
    """412: the row changed since its ETag was read."""


class Rejected(CrmError):
    """The CRM refused the value or the request; a retry would be refused too."""


class DeltaExpired(CrmError):
    """A stored next or delta link no longer works; a full read is needed."""


class ProtocolError(CrmError):
    """The answer breaks the rules of the Web API, is too large, or links to another host."""


class WritesDisabled(CrmError):
    """This connection is read-only; nothing was sent."""
