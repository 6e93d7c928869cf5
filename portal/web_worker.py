"""gunicorn's worker, which refuses connections as soon as it stops."""

from __future__ import annotations

from gunicorn.workers.gthread import ThreadWorker


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Close the listening sockets before the last requests are answered.

    gunicorn closes them afterwards. What connects in between is accepted by the kernel and then reset, which a proxy
    cannot repair for a form that was sent. A refused connection it passes to the other portal.
    """

    def set_accept_enabled(self, enabled: bool) -> None:
        """Accept connections or not; for good once the worker was told to stop."""
        super().set_accept_enabled(enabled)
        if self.alive:
            return
        for listener in self.sockets:
            accepted = -1
            while accepted != self.nr_conns:  # those that the kernel has accepted already
                accepted = self.nr_conns
                self.accept(listener)
            listener.close()
