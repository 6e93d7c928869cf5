"""A process that has loaded the libraries and forks the portal's processes on demand.

Loading Celery and Django takes a worker most of a second; the journeys kill and start some two hundred of them. Each
is a process of its own as any other: own session, own output, own signals, and it loads settings and portal itself.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
LIBRARIES = [
    *("celery.__main__", "celery.bin.celery", "celery.bin.worker", "celery.bin.beat", "celery.apps.worker"),
    *("celery.apps.beat", "celery.concurrency.prefork", "celery.worker.consumer", "celery.app.trace"),
    *(
        "kombu.transport.redis",
        "redis",
        "django.core.management",
        "django.db.models",
        "django.forms",
        "django.template",
    ),
    *("django.db.backends.sqlite3.base", "django.db.backends.postgresql.base", "syncapp.crm.client"),
]


class Forked:
    """A forked process with the interface of `subprocess.Popen`, although we are not its parent."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._watch = os.pidfd_open(pid)

    def __del__(self) -> None:
        os.close(self._watch)

    def poll(self) -> int | None:
        """Return None while it runs, else 0, because only the parent knows the exit code."""
        ended, _, _ = select.select([self._watch], [], [], 0)
        return 0 if ended else None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired after `timeout` seconds."""
        ended, _, _ = select.select([self._watch], [], [], timeout)
        if not ended:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return 0

    def send_signal(self, number: int) -> None:
        """Send a signal to this process, never to another one with a reused pid."""
        if self.poll() is None:
            signal.pidfd_send_signal(self._watch, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)


def fork(module: str, arguments: Sequence[str], *, log: Path, environment: Mapping[str, str]) -> Forked:
    """Fork a process that runs `python -m module arguments`, with its output in a file."""
    log.touch()
    forge = _forge()
    assert forge.stdin is not None
    assert forge.stdout is not None
    order = {"module": module, "arguments": [*arguments], "log": str(log), "environment": {**environment}}
    forge.stdin.write(json.dumps(order) + "\n")
    forge.stdin.flush()
    made = Forked(int(forge.stdout.readline()))
    # The new process waits for this, so that its number cannot have passed to another one before.
    forge.stdin.write("\n")
    forge.stdin.flush()
    return made


@functools.cache
def _forge() -> subprocess.Popen[str]:
    """Start one forge per pytest process; it ends when its input closes."""
    command = [sys.executable, "-m", "tests.support.forge"]
    forge = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(forge.communicate)
    return forge


def main() -> None:
    """Fork for each order and run the ordered module in the new process."""
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()
    for line in sys.stdin:
        begin, go = os.pipe()
        if (pid := os.fork()) == 0:
            os.close(go)
            os.read(begin, 1)
            os.close(begin)
            _become(json.loads(line))
            return
        os.close(begin)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        sys.stdin.readline()
        os.close(go)
        _reap()


def _reap() -> None:
    """Reap ended processes, which would otherwise still seem to run."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def _become(order: Mapping[str, Any]) -> None:
    os.setsid()
    os.environ.clear()
    os.environ.update(order["environment"])
    output = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for old, new in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(old, new)
    for extra in (nothing, output):
        os.close(extra)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a text stream, as Python made it
    sys.argv = [order["module"], *order["arguments"]]
    runpy.run_module(order["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
