"""The SMTP server on loopback. Rules of /sandbox/faults with a path in "smtp" act on it."""

from __future__ import annotations

import asyncio
from typing import Any

from aiosmtpd.controller import Controller

from dataverse_sandbox import faults
from dataverse_sandbox.errors import Cut
from dataverse_sandbox.faults import Faults, Probe
from dataverse_sandbox.mail.mailbox import Mailbox

_PROBE = Probe("SMTP", "", "smtp")
_MAX_NUMBER = 20_000_000


class _Handler:
    """Handler that accepts every mail unless a rule matches; a cut closes the connection without an answer."""

    def __init__(self, mailbox: Mailbox, rules: Faults) -> None:
        self._mailbox, self._faults = mailbox, rules

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:
        try:
            return await asyncio.to_thread(self._take, envelope)
        except Cut:
            server.transport.abort()
            return "421 4.3.0 Closed"

    def _take(self, envelope: Any) -> str:
        injection = self._faults.enter([_PROBE], needs_path=True)
        injection.wait_at(faults.BEFORE)
        if injection.errors:
            error = injection.errors[0]
            return f"{error.status} {error.message}"
        self._mailbox.take(bytes(envelope.content), recipients=list(envelope.rcpt_tos), via="smtp")
        injection.wait_at(faults.AFTER)
        return "250 2.0.0 Taken"


class SmtpServer:
    """An SMTP server in its own thread. Port 0 is not possible: choose a free one."""

    def __init__(self, mailbox: Mailbox, rules: Faults, *, port: int, host: str = "127.0.0.1") -> None:
        self.port = port
        self._controller = Controller(
            _Handler(mailbox, rules), hostname=host, port=port, data_size_limit=_MAX_NUMBER, enable_SMTPUTF8=True
        )

    def start(self) -> None:
        """Start the server. Raises OSError when the port is taken."""
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop(no_assert=True)
