"""A worker in a thread that tests can stop between its steps."""

from __future__ import annotations

import threading
import uuid
from typing import Any

from django.db import connections

from syncapp.connection import clients
from syncapp.review.delivery import job

PATIENCE = 20.0


class PowerCut(BaseException):
    """Ends the worker; a BaseException, so that no handler catches it."""


class SlowWorker:
    """Delivers and stops after reading (`looked`), before sending (`sending`) or after the answer (`answered`)."""

    def __init__(self, delivery_id: uuid.UUID, *, at: str) -> None:
        self._at, self._crm = at, clients.crm()
        self._stopped, self._may_go_on = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._deliver, args=(delivery_id,), daemon=True)
        self._thread.start()
        assert self._stopped.wait(PATIENCE), f"the worker never reached {at}"

    def finish(self) -> None:
        """Let the worker continue to its end."""
        self._may_go_on.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def _deliver(self, delivery_id: uuid.UUID) -> None:
        try:
            job.deliver(delivery_id, crm=self)  # type: ignore[arg-type]  # wraps the client
        finally:
            self._stopped.set()
            connections.close_all()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._crm, name)

    def read_for_delivery(self, **what: Any) -> Any:
        """Return the CRM's answer, then stop if this is the point."""
        view = self._crm.read_for_delivery(**what)
        self._stop("looked")
        return view

    def apply(self, *what: Any, **how: Any) -> None:
        """Apply the change set, stopping before or after it."""
        self._stop("sending")
        self._crm.apply(*what, **how)
        self._stop("answered")

    def _stop(self, step: str) -> None:
        if step == self._at and not self._stopped.is_set():
            self._stopped.set()
            assert self._may_go_on.wait(PATIENCE)


class DyingWorker:
    """Delivers and dies before sending."""

    def __init__(self, delivery_id: uuid.UUID) -> None:
        self._crm = clients.crm()
        try:
            job.deliver(delivery_id, crm=self)  # type: ignore[arg-type]  # wraps the client
        except PowerCut:
            return
        raise AssertionError("the worker did not reach the sending step")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._crm, name)

    def apply(self, *_what: Any, **_how: Any) -> None:
        """Die."""
        raise PowerCut
