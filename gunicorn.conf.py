"""gunicorn's configuration, by environment (README.md); gunicorn reads it by itself when started in this folder."""

from __future__ import annotations

import ipaddress
from typing import Any

from portal import env

bind = env.text("WEB_BIND", f"127.0.0.1:{int(env.number('PORTAL_PORT', 8000))}")
worker_class = "gthread"
workers = int(env.number("WEB_PROCESSES", 2))
threads = int(env.number("WEB_THREADS", 4))
# For a process that hangs as a whole. Single threads are not watched: all that a page waits for has a limit of its own.
timeout = int(env.number("WEB_HANG_SECONDS", 60))
graceful_timeout = int(env.number("WEB_STOP_SECONDS", 30))
# Loaded once and then forked, which halves what the start costs; nothing is connected before the fork.
preload_app = True
# No client may say where the application is mounted; not even through a proxy on this host.
forwarder_headers = ""
control_socket_disable = True  # it would be made in the home folder
loglevel = env.text("LOG_LEVEL", "INFO").lower()


def on_starting(server: Any) -> None:
    """Refuse to let anyone but this machine reach the demo. RuntimeError ends gunicorn with these words."""
    far = [str(address) for address in server.address if not _is_loopback(address)]
    if far and env.flag("DEMO", default=True):
        raise RuntimeError(
            f"The demo lets everyone sign in as anyone, so it does not listen at {', '.join(far)}. "
            "Bind it to 127.0.0.1, or set DEMO=off for a real installation."
        )


def _is_loopback(address: Any) -> bool:
    host = address[0] if isinstance(address, tuple) else ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
