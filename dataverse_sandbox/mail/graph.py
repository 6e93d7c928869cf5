"""Microsoft Graph's `POST /v1.0/users/{id}/sendMail`, as JSON or as a MIME message in base64 ("user: sendMail")."""

from __future__ import annotations

import base64
import binascii
import json
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from werkzeug.wrappers import Request, Response

from dataverse_sandbox import faults
from dataverse_sandbox.control import Route
from dataverse_sandbox.errors import ApiError
from dataverse_sandbox.faults import Faults, Probe
from dataverse_sandbox.identity.tokens import Tokens
from dataverse_sandbox.mail.mailbox import Mailbox

_CODES = {401: "InvalidAuthenticationToken", 403: "ErrorAccessDenied", 429: "ApplicationThrottled"}


class Graph:
    """The one operation for sending; all others below /v1.0/ are unknown."""

    def __init__(self, mailbox: Mailbox, rules: Faults, tokens: Tokens) -> None:
        self._mailbox, self._faults, self._tokens = mailbox, rules, tokens

    def routes(self) -> list[Route]:
        return [("/v1.0/users/<path:user>/sendMail", "POST", self.send_mail)]

    def send_mail(self, request: Request, user: str) -> Response:
        """Accept a mail with 202 and no body, as Graph does."""
        injection = self._faults.enter([Probe("POST", "", request.path)], needs_path=True)
        injection.wait_at(faults.BEFORE)
        try:
            if injection.errors:
                raise injection.errors[0]
            self._tokens.caller(request.headers.get("Authorization", ""))
            raw, recipients = _read(request)
        except ApiError as error:
            return _refused(error)
        self._mailbox.take(raw, recipients=recipients, via="graph")
        injection.wait_at(faults.AFTER)
        return Response(status=202)


def _read(request: Request) -> tuple[bytes, list[str]]:
    body = request.get_data()
    if request.mimetype == "text/plain":
        raw = _decoded(body)
        parsed = message_from_bytes(raw, policy=policy.default)
        found = [address.addr_spec for name in ("To", "Cc", "Bcc") for address in _addresses(parsed, name)]
        return raw, _require_recipients(found)
    return _from_json(body)


def _decoded(body: bytes) -> bytes:
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        raise _bad("ErrorMimeContentInvalidBase64String", "Invalid base64 string for MIME content.") from None


def _addresses(parsed: Any, name: str) -> tuple[Any, ...]:
    header = parsed[name]
    return tuple(header.addresses) if header is not None else ()


def _from_json(body: bytes) -> tuple[bytes, list[str]]:
    try:
        message = json.loads(body)["message"]
        found = [each["emailAddress"]["address"] for each in message["toRecipients"]]
        content = message["body"]
        mail = EmailMessage()
        mail["To"], mail["Subject"] = ", ".join(found), message.get("subject", "")
        for header in message.get("internetMessageHeaders", []):
            mail[header["name"]] = header["value"]
        mail.set_content(content["content"], subtype="html" if content["contentType"].lower() == "html" else "plain")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _bad("RequestBodyRead", f"The body is not a message: {error!r}.") from None
    return mail.as_bytes(), _require_recipients(found)


def _require_recipients(recipients: list[str]) -> list[str]:
    if not recipients:
        raise _bad("ErrorInvalidRecipients", "At least one recipient is not valid., Recipient is missing.")
    return recipients


def _bad(code: str, message: str) -> ApiError:
    return ApiError(400, code, message)


def _refused(error: ApiError) -> Response:
    # Rules and tokens raise errors with Dataverse's codes; Graph has its own.
    code = _CODES.get(error.status, error.code or "ErrorInternalServerError")
    body = {"error": {"code": code, "message": error.message}}
    response = Response(json.dumps(body), status=error.status, content_type="application/json")
    response.headers.extend(error.headers)
    return response
