"""What can go wrong between us and the CRM, and whether trying again can help.

    CrmError
    ├── transient: the same request may succeed later
    │   ├── Unreachable          no answer, or an answer that broke off
    │   ├── ServerFault          5xx (501 is the exception: it stays as it is), a deadlock or timeout of its database
    │   ├── Throttled            429; `retry_after` says when
    │   └── TokenUnavailable     the sign-in service gave no token, for now
    └── lasting: something has to change first
        ├── CredentialsRefused   our client id, secret or token is not accepted
        ├── Forbidden            403, the application user lacks a right
        ├── NotFound             404, the row is gone
        ├── Stale                412, the row changed since it was read
        ├── Rejected             400 and every other 4xx: the value or the request is refused
        ├── DeltaExpired         a stored link no longer works: read from the start
        ├── ProtocolError        an answer that we do not understand or do not trust
        └── WritesDisabled       refused by ourselves, before anything was sent

`may_have_applied` is the second question: True when a write may have been committed although it
failed for us. Such a write is verified by reading, never sent again blindly.
"""

from __future__ import annotations


class CrmError(Exception):
    """Base of everything that a call of the client raises.

    `message` may quote the CRM and is for administrators only; it is never logged. `code` is
    Dataverse's own number ("0x80060882") or a word of ours, `request_id` names the request in
    the CRM's traces, `retry_after` is in seconds.
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
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after
        self.may_have_applied = may_have_applied

    @property
    def transient(self) -> bool:
        """Whether the same call can succeed later without anybody changing anything."""
        return not self.lasting


class Unreachable(CrmError):
    """No answer, or one that broke off."""

    lasting = False


class ServerFault(CrmError):
    """The CRM answered 5xx."""

    lasting = False

    @property
    def transient(self) -> bool:
        # 501 names something that the other side does not have; asking again cannot add it.
        return self.status != 501


class Throttled(CrmError):
    """429: a service protection limit is used up until `retry_after` seconds have passed."""

    lasting = False


class TokenUnavailable(CrmError):
    """The sign-in service could not be reached or is in trouble itself."""

    lasting = False


class CredentialsRefused(CrmError):
    """Our credentials are wrong or expired, or a fresh token was refused as well."""


class Forbidden(CrmError):
    """403: the application user lacks a right for this operation."""


class NotFound(CrmError):
    """404: the row does not exist (any more)."""


class Stale(CrmError):
    """412: the row changed since its ETag was read."""


class Rejected(CrmError):
    """The CRM refused the value or the request; sending it again changes nothing."""


class DeltaExpired(CrmError):
    """A stored next or delta link is no longer accepted: start with a full read."""


class ProtocolError(CrmError):
    """The answer is not what the Web API promises, too large, or points somewhere else."""


class WritesDisabled(CrmError):
    """This connection is read only; nothing was sent."""
