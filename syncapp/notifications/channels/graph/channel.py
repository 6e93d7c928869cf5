"""Delivery of mails to Exchange Online through Microsoft Graph ("user: sendMail", MIME format), as the application.

The format is MIME, because in JSON Graph accepts only headers that begin with x-, which rules out threads and
List-Unsubscribe. Needs the application permission Mail.Send, limited to one mailbox by an application access policy.
"""

from __future__ import annotations

import base64
import time
from urllib.parse import quote

import requests

from syncapp.crm.auth.tokens import TokenSource
from syncapp.crm.errors import CredentialsRefused, ProtocolError, TokenUnavailable
from syncapp.crm.origins import Origin
from syncapp.crm.sessions import DIRECT, OutgoingConnections, PerProcess, new_session, read_limited, was_never_sent
from syncapp.notifications.channels.base import Notification, OnSend
from syncapp.notifications.channels.errors import MailRefused, OutcomeUnknown, ServiceRefused, ServiceUnavailable

_CONNECT_SECONDS = 5.0
_MAX_ANSWER_BYTES = 100_000


class GraphChannel:
    """One sending mailbox of one tenant."""

    def __init__(
        self,
        *,
        origin: str,
        mailbox: str,
        tokens: TokenSource,
        seconds: float = 30.0,
        outgoing: OutgoingConnections = DIRECT,
    ) -> None:
        # Origin.parse raises ValueError for an origin that must not receive a token.
        self._url = f"{Origin.parse(origin)}/v1.0/users/{quote(mailbox, safe='')}/sendMail"
        self._tokens = tokens
        self._seconds = seconds
        self._sessions = PerProcess(lambda: new_session(outgoing=outgoing))

    def send(self, notification: Notification, *, on_send: OnSend) -> None:
        """Deliver one mail; Graph takes the sender and recipient from its headers. Raises MailError."""
        mail = notification.mail()
        try:
            token = self._tokens.token()
        except CredentialsRefused as error:
            raise ServiceRefused(error.message, code="sign_in") from error
        except TokenUnavailable as error:
            raise ServiceUnavailable(error.message, code="token") from error
        on_send()
        status, headers, body = self._post(token, base64.b64encode(mail))
        if status == 202:
            return
        if status == 401:
            self._tokens.forget()
        words = f"Microsoft Graph answered {status} {body[:300]}"
        if status in (401, 403, 404):
            raise ServiceRefused(words, code=str(status))
        if status in (429, 503):
            pause = headers.get("Retry-After", "")
            raise ServiceUnavailable(words, code=str(status), retry_after=float(pause) if pause.isdigit() else None)
        # After another 5xx the mail may have been delivered.
        raise (OutcomeUnknown if status >= 500 else MailRefused)(words, code=str(status))

    def _post(self, token: str, body: bytes) -> tuple[int, dict[str, str], str]:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/plain"}
        until = time.monotonic() + self._seconds
        try:
            with self._sessions.get().post(
                self._url,
                data=body,
                headers=headers,
                timeout=(_CONNECT_SECONDS, self._seconds),
                allow_redirects=False,
                stream=True,
            ) as answer:
                content = read_limited(answer, max_bytes=_MAX_ANSWER_BYTES, until=until)
                return answer.status_code, dict(answer.headers), content.decode("utf-8", "replace")
        except (requests.RequestException, ProtocolError) as error:
            name = type(error).__name__
            self._sessions.get().close()  # as in Transport: other pooled connections may have ended, too
            if isinstance(error, requests.RequestException) and was_never_sent(error):
                raise ServiceUnavailable(f"Microsoft Graph does not answer ({name}).", code=name) from error
            raise OutcomeUnknown(f"No answer after the mail was sent ({name}).") from error
