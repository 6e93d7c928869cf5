"""The gunicorn worker, which refuses connections as soon as it begins to stop."""

from __future__ import annotations

from gunicorn.workers.gthread import ThreadWorker


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A worker that closes its listening sockets before it answers the last requests.

    gunicorn closes them afterwards. The kernel accepts connections in between and then resets them, and a proxy must
    not send a form again. When a connection is refused, the proxy can safely use the other portal.
    """

    def set_accept_enabled(self, enabled: bool) -> None:
        """Begin or stop accepting connections; close the sockets for good once the worker has been told to stop."""
        super().set_accept_enabled(enabled)
        if self.alive:
            return
        for listener in self.sockets:
            accepted = -1
            while accepted != self.nr_conns:  # connections that the kernel has already accepted
                accepted = self.nr_conns
                self.accept(listener)
            listener.close()
