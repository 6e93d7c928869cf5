"""The portal's processes around one database: broker, sandbox, scheduler, workers. Any may be killed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import redis
import requests
from celery import Celery

from tests.journeys.database import Database
from tests.support import forge
from tests.support.fault_proxy import FaultProxy
from tests.support.servers import Server, free_port, launch, sandbox, start_valkey, temporary_folder, wait_until

# Short, but in the order that the start-up check demands.
TIMES = {
    "TICK": "0.2",
    "HTTP_SECONDS": "2",
    "SOFT_LIMIT": "2.4",
    "HARD_LIMIT": "2.8",
    "LEASE": "3",
    "BROKER_VISIBILITY": "10",
    "PROBE_SECONDS": "1",
    "ATTEMPTS": "40",
    "UNDO_SECONDS": "0",
    "RATE_LIMIT_TIME_SCALE": "0.01",
    "MAIL_BACKEND": "graph",  # the sandbox's Graph endpoint, which every journey has
}
PULLS_BY_HAND = "36000"


@dataclass(slots=True)
class Worker:
    """A Celery worker: the main process and its pool."""

    server: Server
    has_slept: bool = False

    @property
    def pool(self) -> list[psutil.Process]:
        """Return the pool's processes."""
        return psutil.Process(self.server.process.pid).children(recursive=True)

    @property
    def is_alive(self) -> bool:
        """Return whether it runs."""
        return self.server.process.poll() is None

    def is_ready(self) -> bool:
        """Return whether it takes messages from the broker."""
        assert self.is_alive, self.server.output()[-3000:]
        return " ready." in self.server.output()

    def kill(self) -> None:
        """Kill all its processes at once, as when the host dies."""
        self._signal(signal.SIGKILL)
        self.server.process.wait()

    def kill_pool(self) -> None:
        """Kill the pool's processes, as when memory is exhausted."""
        for process in self.pool:
            with suppress(psutil.NoSuchProcess):  # a process that ended in the meantime
                process.kill()

    def pause(self) -> None:
        """Suspend all its processes."""
        self.has_slept = True
        self._signal(signal.SIGSTOP)

    def pause_main_process(self) -> None:
        """Suspend the main process; the pool finishes its tasks."""
        self.has_slept = True
        self.server.pause()

    def resume(self) -> None:
        """Resume all its processes."""
        self._signal(signal.SIGCONT)

    def resume_pool(self) -> None:
        """Resume the pool before the main process, which watches the time limits."""
        for process in self.pool:
            process.resume()

    def _signal(self, number: int) -> None:
        if self.is_alive:
            os.killpg(self.server.process.pid, number)


@dataclass(frozen=True, slots=True)
class Proxies:
    """Fault proxies between the portal's processes and their services; the test itself connects directly."""

    broker: FaultProxy
    crm: FaultProxy
    database: FaultProxy | None  # SQLite has no connection to proxy

    def restore(self) -> None:
        """Let all connections pass."""
        for proxy in (self.broker, self.crm, self.database):
            if proxy is not None:
                proxy.restore()

    def environment(self, database: Database) -> dict[str, str]:
        """Return the environment that leads through the proxies."""
        found = {"REDIS_URL": f"redis://{self.broker.address}/0", "SANDBOX_PORT": str(self.crm.port)}
        if self.database is not None:
            found["DATABASE_URL"] = database.url.replace(database.address, self.database.address)
        return found


@dataclass(slots=True)
class Stack:
    """The running processes, with methods that harm them."""

    folder: Path
    database: Database
    broker: Server
    sandbox: Server
    times: Mapping[str, str]
    workers: list[Worker] = field(default_factory=list)
    periodic_worker: Worker | None = None  # unanswered writes do not occupy its processes
    beat: Server | None = None
    web: Server | None = None
    proxies: Proxies | None = None
    started: int = 0

    @property
    def worker(self) -> Worker:
        """Return the worker of the default queue."""
        return self.workers[0]

    @property
    def failpoints(self) -> Path:
        """Return the folder with the names of armed failpoints."""
        return self.folder / "failpoints"

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of the portal's processes."""
        return {
            **os.environ,
            **self.times,
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "DATABASE_URL": self.database.url,
            "REDIS_URL": self.broker.url,
            "DEMO": "1",
            "DEMO_DIR": str(self.folder),
            "SANDBOX_PORT": self.sandbox.url.rpartition(":")[2],
            "FAILPOINTS": str(self.failpoints),
            "PYTHONUNBUFFERED": "1",
            **(self.proxies.environment(self.database) if self.proxies else {}),
            **more,
        }

    def add_worker(self, *, concurrency: int = 2, clock: str = "") -> Worker:
        """Start a worker of the default queue without waiting. `clock` shifts its clock, in faketime's notation."""
        self.workers.append(self._start_worker("celery", concurrency, clock))
        return self.workers[-1]

    def start_periodic_worker(self, *, concurrency: int = 2, clock: str = "") -> None:
        """Start a worker of the periodic queue without waiting."""
        self.periodic_worker = self._start_worker("periodic", concurrency, clock)

    def _start_worker(self, queues: str, concurrency: int, clock: str) -> Worker:
        self.started += 1
        options = ["--pool", "prefork", "--concurrency", str(concurrency), "--without-gossip", "--without-mingle"]
        options += ["--hostname", f"worker{self.started}@localhost", "--loglevel", "INFO", "--queues", queues]
        return Worker(self._celery("worker", "-A", "portal", "worker", *options, clock=clock))

    def start_beat(self, **times: str) -> Server:
        """Start a scheduler, which the caller stops."""
        self.started += 1
        arguments = ["-A", "portal", "beat", "--pidfile", "", "--loglevel", "WARNING"]
        return self._celery("beat", *arguments, **times)

    @contextmanager
    def pulling(self) -> Iterator[None]:
        """Run a second scheduler, which also requests pulls."""
        beat = self.start_beat(PULL_SECONDS="0.5")
        try:
            yield
        finally:
            beat.stop(seconds=3)

    def start_web(self) -> Server:
        """Start the web processes and wait until they answer."""
        self.started += 1
        web = start_web(self.folder / f"web{self.started}.log", self.environment())
        try:
            wait_until(lambda: _answers(web.url), seconds=60, what="the web processes answer")
        except AssertionError as error:
            web.kill()
            raise AssertionError(f"{error}\n{web.output()[-3000:]}") from None
        self.web = web
        return web

    def _celery(self, name: str, *arguments: str, clock: str = "", **times: str) -> Server:
        log = self.folder / f"{name}{self.started}.log"
        if clock:
            # Loaded with the process, so it cannot be forked. Only the time of day is shifted, not the running time.
            command = ["faketime", "-f", clock, sys.executable, "-m", "celery", *arguments]
            environment = self.environment(FAKETIME_DONT_FAKE_MONOTONIC="1", DONT_FAKE_MONOTONIC="1", **times)
            return launch(command, url="", log=log, environment=environment)
        process = forge.fork("celery", arguments, log=log, environment=self.environment(**times))
        return Server("", process, log, log.parent)

    def replace_worker(self) -> None:
        """Start a new worker in place of the killed one."""
        self.workers.clear()
        self.add_worker()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until each worker takes messages."""
        everyone = [*self.workers, *([self.periodic_worker] if self.periodic_worker else [])]
        wait_until(lambda: all(worker.is_ready() for worker in everyone), seconds=60, what="the workers are ready")

    def restore_workers(self) -> None:
        """Restore the single worker, alive and never suspended.

        A resumed worker applies its time limits late, and may kill processes that have finished their tasks.
        """
        for worker in self.workers[1:]:
            self.remove_worker(worker)
        self._restore_periodic_worker()
        if self.workers and self.worker.is_alive and not self.worker.has_slept:
            self.worker.resume()
            self.wait_until_ready()
            return
        for worker in self.workers:
            worker.kill()
        self.replace_worker()

    def _restore_periodic_worker(self) -> None:
        worker = self.periodic_worker
        if worker is not None and (worker.has_slept or not worker.is_alive):
            worker.kill()
            self.start_periodic_worker()

    def remove_worker(self, worker: Worker) -> None:
        """Stop a worker that was added for one story."""
        worker.kill()
        self.workers.remove(worker)

    def send(self, task: str, *arguments: str) -> str:
        """Publish a task as the scheduler does; return the message's id."""
        with Celery(broker=self.broker.url, set_as_current=False) as sender:
            return str(sender.send_task(f"syncapp.tasks.{task}", args=arguments).id)

    def send_all(self, task: str, arguments: Sequence[str]) -> None:
        """Publish one message of this task per argument, over one connection."""
        with Celery(broker=self.broker.url, set_as_current=False) as sender, sender.producer_or_acquire() as producer:
            for argument in arguments:
                sender.send_task(f"syncapp.tasks.{task}", args=(argument,), producer=producer)

    def queued(self, queue: str = "celery") -> int:
        """Return the number of messages in a queue."""
        with redis.Redis.from_url(self.broker.url) as client:
            return int(client.llen(queue))

    def flush_broker(self) -> None:
        """Flush the broker."""
        with redis.Redis.from_url(self.broker.url) as client:
            client.flushall()

    def arm(self, point: str) -> None:
        """Arm a failpoint: the next process that passes it kills itself."""
        (self.failpoints / point).touch()

    def is_armed(self, point: str) -> bool:
        """Return whether no process has passed the failpoint yet."""
        return (self.failpoints / point).exists()

    def disarm(self) -> None:
        """Disarm all failpoints."""
        for point in self.failpoints.iterdir():
            point.unlink(missing_ok=True)

    def restart_broker(self) -> None:
        """Restart a killed broker, empty, at the same address."""
        if self.broker.process.poll() is None:
            return
        self.broker = start_valkey(self.folder, port=int(self.broker.url.split(":")[2].partition("/")[0]))

    def stop(self) -> None:
        """Stop all processes."""
        for worker in [*self.workers, *([self.periodic_worker] if self.periodic_worker else [])]:
            worker.kill()
        self.workers.clear()
        for server in (self.beat, self.web, self.broker):
            if server is not None:
                server.stop(seconds=3)

    def start_again(self) -> None:
        """Start broker, scheduler and both workers after `stop`."""
        self.restart_broker()
        self.add_worker()
        self.start_periodic_worker()
        self.beat = self.start_beat()
        self.wait_until_ready()


def start_web(log: Path, environment: Mapping[str, str]) -> Server:
    """Start gunicorn with the portal's configuration; the caller waits for it and stops it."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "portal.wsgi"]
    environment = {**environment, "DJANGO_SETTINGS_MODULE": "portal.settings", "PORTAL_PORT": str(port)}
    return launch(command, url=f"http://127.0.0.1:{port}", log=log, environment=environment)


@contextmanager
def running_stack(database: Database, *, proxied: bool = False, **times: str) -> Iterator[Stack]:
    """Run broker, sandbox, scheduler and two workers with two processes each.

    `proxied`: with fault proxies before broker, sandbox and PostgreSQL, and with web processes.
    """
    with ExitStack() as until_the_end:
        crm = until_the_end.enter_context(sandbox())
        short = until_the_end.enter_context(temporary_folder("osync-j-"))
        (short / "failpoints").mkdir()
        broker = start_valkey(short, port=free_port())
        stack = Stack(short, database, broker, crm, {**TIMES, "PULL_SECONDS": PULLS_BY_HAND, **times})
        until_the_end.callback(stack.stop)
        if proxied:
            stack.proxies = _proxies_before(stack, until_the_end)
            stack.start_web()
        stack.add_worker()
        stack.start_periodic_worker()
        stack.beat = stack.start_beat()
        stack.wait_until_ready()
        yield stack


def _proxies_before(stack: Stack, until_the_end: ExitStack) -> Proxies:
    def before(address: str) -> FaultProxy:
        return until_the_end.enter_context(FaultProxy(address))

    broker, crm = (before(urlsplit(server.url).netloc) for server in (stack.broker, stack.sandbox))
    return Proxies(broker, crm, before(stack.database.address) if stack.database.address else None)


def _answers(url: str) -> bool:
    with requests.Session() as session:
        session.trust_env = False
        try:
            return session.get(f"{url}/healthz?part=web", timeout=5).ok
        except requests.RequestException:
            return False
