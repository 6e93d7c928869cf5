"""An installation on this machine: the commands of deploy/processes.toml behind nginx, with production settings.

Only addresses, certificates and folders differ from deploy/: PostgreSQL and Redis come from wheels, nginx from the
system's packages, and the CRM is the sandbox, over TLS.
"""

from __future__ import annotations

import itertools
import os
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from dataverse_sandbox import tls
from tests.support.servers import (
    PROJECT,
    Server,
    free_port,
    launch,
    postgres,
    start_valkey,
    temporary_folder,
    wait_until,
)
from tools.deploy_check import environment

HOST = "127.0.0.1"
TENANT = "11111111-1111-1111-1111-111111111111"
PROCESSES = tomllib.loads((PROJECT / "deploy" / "processes.toml").read_text())
WORKERS = ("periodic", "writing")


@dataclass(slots=True)
class Installation:
    """The running processes; `portals` are those to which the proxy passes requests.

    `http_url` is the proxy's address without TLS.
    """

    folder: Path
    proxy: Server
    http_url: str
    sandbox: Server
    environment: Mapping[str, str]
    database: Server
    broker: Server
    portals: dict[int, Server] = field(default_factory=dict)
    workers: dict[str, Server] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Return the proxy's address."""
        return self.proxy.url

    @property
    def crm(self) -> str:
        """Return the sandbox's address."""
        return self.sandbox.url

    def start(self, name: str, *, host: str = "", **variables: str) -> Server:
        """Start a process by its command in deploy/processes.toml, as if on this host."""
        log = self.folder / f"{name}{host}.log"
        return launch(_command(name, host), url="", log=log, environment={**self.environment, **variables})

    def start_portal(self, port: int) -> None:
        """Start the web processes at this port, and wait until they can serve people."""
        self.portals[port] = self.start("web", host=str(port), WEB_BIND=f"{HOST}:{port}")
        wait_until(lambda: _is_ready(port), seconds=90, what=f"a portal answers\n{self.portals[port].output()[-2000:]}")

    def start_worker(self, name: str, host: str) -> None:
        """Start a worker or the scheduler."""
        self.workers[name + host] = self.start(name, host=host)

    def run(self, *command: str) -> None:
        """Run a command of the portal. Raises CalledProcessError."""
        subprocess.run(
            [sys.executable, *command], cwd=PROJECT, env=dict(self.environment), check=True, capture_output=True
        )

    def stop(self) -> None:
        """Stop all processes."""
        for server in (*self.portals.values(), *self.workers.values()):
            server.stop(seconds=10)


def _command(name: str, host: str) -> list[str]:
    program, *arguments = shlex.split(PROCESSES[name]["command"].replace("%h", host or "%h"))
    own = [str(Path(sys.executable).parent / program), *arguments]
    return ["nice", "-n", str(PROCESSES[name]["nice"]), *own] if "nice" in PROCESSES[name] else own


def _is_ready(port: int) -> bool:
    try:
        return requests.get(f"http://{HOST}:{port}/healthz?part=ready", timeout=5).ok
    except requests.RequestException:
        return False


@contextmanager
def running_installation(
    *crm_options: str, durable: bool = False, hosts: Sequence[str] = ("",), **variables: str
) -> Iterator[Installation]:
    """Run everything: databases, CRM, migrations, two portals, a worker of each kind per host, scheduler, proxy."""
    with ExitStack() as until_the_end:
        folder = until_the_end.enter_context(temporary_folder("osync-d-"))
        database = until_the_end.enter_context(postgres(durable=durable))
        broker = start_valkey(folder, port=free_port())
        until_the_end.callback(broker.stop)
        crm, crm_authority = start_crm(folder, until_the_end, *crm_options)
        ports, url = (free_port(), free_port()), f"https://{HOST}:{free_port()}"
        http_url = f"http://{HOST}:{free_port()}"
        proxy = start_proxy(folder, (url, http_url), ports, until_the_end)
        settings = {"DATABASE_URL": database.url, "REDIS_URL": broker.url, "BASE_URL": url, "CRM_ORIGIN": crm.url}
        own = {"PATH": os.environ["PATH"], "STATIC_ROOT": str(folder / "static"), "UNDO_SECONDS": "2"}
        environment = {**production_settings(crm_authority, settings), **own, **variables}
        made = Installation(folder, proxy, http_url, crm, environment, database, broker)
        until_the_end.callback(made.stop)
        made.run("manage.py", "collectstatic", "--no-input", "--verbosity", "0")
        made.run(*shlex.split(PROCESSES["migrate"]["command"])[1:])
        made.run("manage.py", "connection", "--enable", "review")
        for port in ports:
            made.start_portal(port)
        made.start_worker("beat", "")
        for name, host in itertools.product(WORKERS, hosts):
            made.start_worker(name, host)
        yield made


def production_settings(crm_authority: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of an installation whose CRM is the sandbox at `CRM_ORIGIN`, over TLS."""
    return {
        **environment(),
        **settings,
        "ALLOWED_HOSTS": HOST,
        "BEHIND_PROXY": "true",
        "CRM_AUTHORITY": f"{settings['CRM_ORIGIN']}/{TENANT}",
        "CRM_TENANT": TENANT,
        "CRM_CLIENT_ID": "22222222-2222-2222-2222-222222222222",
        "CRM_CLIENT_SECRET": "sandbox-secret",
        "OTHER_HOSTS": HOST,
        "CA_BUNDLE": str(crm_authority),
        "LOG_FORMAT": "json",
        "WEB_PROCESSES": "1",
        "PULL_SECONDS": "2",
        "MAIL_BACKEND": "",  # mails would go to Microsoft Graph
    }


def start_crm(folder: Path, until_the_end: ExitStack, *options: str) -> tuple[Server, Path]:
    """Start the sandbox over TLS; return it and its certificate authority."""
    port, certificates = free_port(), folder / "crm-tls"
    command = [sys.executable, "-m", "dataverse_sandbox", "--port", str(port), "--data", str(folder / "crm.sqlite3")]
    options = ("--synchronous", "OFF", "--tls", str(certificates), *options)
    server = launch([*command, *options], url=f"https://{HOST}:{port}", log=folder / "crm.log")
    until_the_end.callback(server.stop)
    wait_until(lambda: "Sandbox ready" in server.output(), seconds=90, what="the CRM is ready")
    return server, certificates / tls.CERTIFICATE


def start_proxy(folder: Path, urls: tuple[str, str], ports: Sequence[int], until_the_end: ExitStack) -> Server:
    """Start nginx with the configuration of deploy/ before these portals, at two addresses: with TLS and without."""
    url, http_url = urls
    certificate, key = tls.provide(folder / "proxy-tls", host=HOST)
    changes = {
        "server web:8000 fail_timeout=2s;": " ".join(f"server {HOST}:{port} fail_timeout=2s;" for port in ports),
        "listen 80;": f"listen {http_url.removeprefix('http://')};",
        "listen 443 ssl;": f"listen {url.removeprefix('https://')} ssl;",
        "outlook-sync.contoso.com": HOST,
        "/etc/outlook-sync/tls/portal.crt": str(certificate),
        "/etc/outlook-sync/tls/portal.key": str(key),
    }
    text = (PROJECT / "deploy" / "proxy" / "nginx.conf").read_text()
    for old, new in changes.items():
        assert old in text, f"deploy/proxy/nginx.conf no longer has {old}"
        text = text.replace(old, new)
    own = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    main = f"pid {folder}/nginx.pid; events {{}} http {{ access_log off; {own}\n{text}\n}}"
    path = folder / "nginx.conf"
    path.write_text(main)
    command = ["nginx", "-c", str(path), "-p", str(folder), "-e", "stderr", "-g", "daemon off;"]
    server = launch(command, url=url, log=folder / "nginx.log")
    until_the_end.callback(server.stop)
    return server
