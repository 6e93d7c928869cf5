"""A supervisor of child processes, which leaves none of them running, however it ends."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

GRACE_SECONDS = 5.0
POLL_SECONDS = 0.25
MAX_PAUSE = 30.0
STEADY_SECONDS = 60.0
_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Service:
    """A program to keep running. A service with `stops_last` is stopped after the others, which need it."""

    name: str
    command: Sequence[str]
    stops_last: bool = False


class Child:
    """The process of a service, in its own session so that Ctrl-C reaches only the supervisor."""

    def __init__(self, service: Service, *, folder: Path, log: Path, environment: Mapping[str, str]) -> None:
        self.service = service
        self._folder, self._log, self._environment = folder, log, environment
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = self._due_at = 0.0
        self._pause = 0.5

    @property
    def pid(self) -> int:
        """Return the id of the process started last; 0 before the first start."""
        return self._process.pid if self._process else 0

    def is_running(self) -> bool:
        """Return whether the process is running."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process with its output in the log file."""
        self._started_at, self._due_at = time.monotonic(), 0.0
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603  (fixed commands of our own, no shell)
                self.service.command,
                cwd=self._folder,
                env=dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent(os.getpid()),
            )

    def restart_if_ended(self, log_event: Callable[[str], None], warn: Callable[[str], None]) -> None:
        """Restart the process if it has ended, after a pause that grows each time."""
        if self.is_running():
            return
        if not self._due_at:
            self._kill_group()
            was_steady = time.monotonic() - self._started_at > STEADY_SECONDS
            self._pause = 1.0 if was_steady else min(MAX_PAUSE, self._pause * 2)
            self._due_at = time.monotonic() + self._pause
            code = self._process.returncode if self._process else None
            log_event(f"{self.service.name} ended with code {code}, starting again in {self._pause:g} s")
            warn(f"{self.service.name} ended with code {code}; see {self._log}. Starting it again.")
        elif time.monotonic() >= self._due_at:
            self.start()
            log_event(f"{self.service.name} started again, process {self.pid}")

    def ask_to_stop(self) -> None:
        """Send SIGTERM to a running process."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def ensure_stopped(self, *, until: float) -> None:
        """Wait for the process to end, at most until `until` (monotonic clock), then kill its process group."""
        if self._process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, until - time.monotonic()))
        self._kill_group()
        self._process.wait()

    def _kill_group(self) -> None:
        # The group is the child's own (start_new_session); its members may outlive their leader.
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)


def _end_with_parent(parent: int) -> Callable[[], None] | None:
    """Return a function for a new child, which then gets SIGTERM if the supervisor is killed (Linux only).

    It is SIGTERM, not SIGKILL, because the child must stop its own children, which do not inherit this setting.
    """
    if _libc is None:
        return None
    libc = _libc

    def prepare() -> None:
        libc.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


class Supervisor:
    """A supervisor that starts services, restarts those that end, and stops all on SIGTERM, SIGINT or SIGHUP."""

    def __init__(self, *, folder: Path, logs: Path, environment: Mapping[str, str]) -> None:
        self._folder, self._logs, self._environment = folder, logs, environment
        self._children: list[Child] = []
        self._stopping = threading.Event()
        self._stops_without_waiting = False
        logs.mkdir(parents=True, exist_ok=True)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stops_without_waiting = self._stopping.is_set()
        self._stopping.set()

    @property
    def is_stopping(self) -> bool:
        """Return whether a stop was requested."""
        return self._stopping.is_set()

    def start(self, service: Service) -> None:
        """Start a service and supervise it from now on."""
        log = self._logs / f"{service.name}.log"
        log.write_bytes(b"")
        child = Child(service, folder=self._folder, log=log, environment=self._environment)
        self._children.append(child)
        child.start()
        self.log_event(f"{service.name} started, process {child.pid}")

    def run(
        self,
        *,
        until: Callable[[], bool] | None = None,
        seconds: float | None = None,
        warn: Callable[[str], None] = lambda message: None,
    ) -> bool:
        """Supervise the services; return True once `until` holds, or False after `seconds` or if a stop is requested.

        `warn` is called with a message about each child that ends unexpectedly, which is also logged.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        while not self._stopping.wait(POLL_SECONDS):
            for child in self._children:
                child.restart_if_ended(self.log_event, warn)
            if until is not None and until():
                return True
            if deadline is not None and time.monotonic() > deadline:
                return False
        return False

    def stop(self) -> None:
        """Terminate all children, and kill those that have not ended in time. A second signal ends the waiting."""
        self._stopping.set()
        for last in (False, True):
            group = [child for child in reversed(self._children) if child.service.stops_last is last]
            for child in group:
                child.ask_to_stop()
            until = time.monotonic() + GRACE_SECONDS
            while (
                any(child.is_running() for child in group)
                and time.monotonic() < until
                and not self._stops_without_waiting
            ):
                time.sleep(POLL_SECONDS)
            for child in group:
                child.ensure_stopped(until=0.0)
        self.log_event("stopped")

    def log_event(self, message: str) -> None:
        """Write a line to the supervisor's log."""
        with (self._logs / "demo.log").open("a", encoding="utf-8") as log:
            log.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {message}\n")
