"""The configuration of gunicorn, read from environment variables (docs/reference/configuration.md).

gunicorn loads this file automatically when it is started in this folder.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from portal import env

bind = env.text("WEB_BIND", f"127.0.0.1:{int(env.number('PORTAL_PORT', 8000))}")
worker_class = "portal.web_worker.Worker"  # threads
workers = int(env.number("WEB_PROCESSES", 2))
threads = int(env.number("WEB_THREADS", 4))
# For processes that hang completely. Single threads need no timeout, because every wait of a page has its own limit.
timeout = int(env.number("WEB_HANG_SECONDS", 60))
graceful_timeout = int(env.number("WEB_STOP_SECONDS", 30))
# The application is loaded once and then forked, which halves the startup time; connections open only after the fork.
preload_app = True
# No client may set the path where the application is mounted, not even through a proxy on this host.
forwarder_headers = ""
control_socket_disable = True  # it would be created in the home folder
loglevel = env.text("LOG_LEVEL", "INFO").lower()
if env.choice("LOG_FORMAT", ("text", "json")) == "json":
    logconfig_dict = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "portal.logs.JsonFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"]},
        "loggers": {
            "gunicorn.error": {"handlers": ["stderr"], "propagate": False},
            "gunicorn.access": {"handlers": ["stderr"], "propagate": False},
        },
    }


def on_starting(server: Any) -> None:
    """Refuse to serve the demo beyond this machine. Raises RuntimeError, which ends gunicorn with its message."""
    remote = [str(address) for address in server.address if not _is_loopback(address)]
    if remote and env.flag("DEMO", default=True):
        raise RuntimeError(
            f"Anyone can sign in to the demo as anyone, so it must not listen on {', '.join(remote)}. "
            "Bind it to 127.0.0.1, or set DEMO=off for a real installation."
        )


def _is_loopback(address: Any) -> bool:
    host = address[0] if isinstance(address, tuple) else ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
