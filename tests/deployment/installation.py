"""An installation on this machine: the commands of deploy/processes.toml behind nginx, with production settings.

Only addresses, certificates and folders differ from deploy/: PostgreSQL and Redis come from wheels, nginx from the
system's packages, and the CRM is the sandbox, over TLS.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
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
WORKERS = ("beat", "periodic", "writing")


@dataclass(slots=True)
class Installation:
    """The running processes. `url` is the proxy's address, `portals` the two that it passes requests to."""

    folder: Path
    url: str
    crm: str
    environment: Mapping[str, str]
    portals: dict[int, Server] = field(default_factory=dict)
    workers: dict[str, Server] = field(default_factory=dict)

    def start(self, name: str, **variables: str) -> Server:
        """Start a process by its command in deploy/processes.toml."""
        log = self.folder / f"{name}{variables.get('WEB_BIND', '').rpartition(':')[2]}.log"
        return launch(_command(name), url="", log=log, environment={**self.environment, **variables})

    def start_portal(self, port: int) -> None:
        """Start the web processes at this port, and wait until they can serve people."""
        self.portals[port] = self.start("web", WEB_BIND=f"{HOST}:{port}")
        wait_until(lambda: _is_ready(port), seconds=90, what=f"a portal answers\n{self.portals[port].output()[-2000:]}")

    def run(self, *command: str) -> None:
        """Run a command of the portal. Raises CalledProcessError."""
        subprocess.run(
            [sys.executable, *command], cwd=PROJECT, env=dict(self.environment), check=True, capture_output=True
        )

    def stop(self) -> None:
        """Stop all processes."""
        for server in (*self.portals.values(), *self.workers.values()):
            server.stop(seconds=10)


def _command(name: str) -> list[str]:
    program, *arguments = shlex.split(PROCESSES[name]["command"])
    return [str(Path(sys.executable).parent / program), *arguments]


def _is_ready(port: int) -> bool:
    try:
        return requests.get(f"http://{HOST}:{port}/healthz?part=ready", timeout=5).ok
    except requests.RequestException:
        return False


@contextmanager
def running_installation() -> Iterator[Installation]:
    """Run everything: databases, CRM, migrations, two portals, one worker of each kind, scheduler, proxy."""
    with ExitStack() as until_the_end:
        folder = until_the_end.enter_context(temporary_folder("osync-d-"))
        database = until_the_end.enter_context(postgres())
        broker = start_valkey(folder, port=free_port())
        until_the_end.callback(broker.stop)
        crm, crm_authority = _start_crm(folder, until_the_end)
        ports, proxy = (free_port(), free_port()), f"https://{HOST}:{free_port()}"
        settings = {"DATABASE_URL": database.url, "REDIS_URL": broker.url, "BASE_URL": proxy, "CRM_ORIGIN": crm}
        made = Installation(folder, proxy, crm, _environment(folder, crm_authority, settings))
        until_the_end.callback(made.stop)
        made.run("manage.py", "collectstatic", "--no-input", "--verbosity", "0")
        made.run(*shlex.split(PROCESSES["migrate"]["command"])[1:])
        made.run("manage.py", "connection", "--enable", "review")
        _start_proxy(made, ports, until_the_end)
        for port in ports:
            made.start_portal(port)
        made.workers |= {name: made.start(name) for name in WORKERS}
        yield made


def _environment(folder: Path, crm_authority: Path, settings: Mapping[str, str]) -> dict[str, str]:
    crm = settings["CRM_ORIGIN"]
    return {
        **environment(),
        **settings,
        "PATH": os.environ["PATH"],
        "ALLOWED_HOSTS": HOST,
        "BEHIND_PROXY": "true",
        "CRM_AUTHORITY": f"{crm}/{TENANT}",
        "CRM_TENANT": TENANT,
        "CRM_CLIENT_ID": "22222222-2222-2222-2222-222222222222",
        "CRM_CLIENT_SECRET": "sandbox-secret",
        "OTHER_HOSTS": HOST,
        "CA_BUNDLE": str(crm_authority),
        "STATIC_ROOT": str(folder / "static"),
        "LOG_FORMAT": "json",
        "WEB_PROCESSES": "1",
        "PULL_SECONDS": "2",
        "UNDO_SECONDS": "2",
        "TELL_SECONDS": "36000",  # mails would go to Microsoft Graph
    }


def _start_crm(folder: Path, until_the_end: ExitStack) -> tuple[str, Path]:
    port, certificates = free_port(), folder / "crm-tls"
    command = [sys.executable, "-m", "dataverse_sandbox", "--port", str(port), "--data", str(folder / "crm.sqlite3")]
    options = ["--synchronous", "OFF", "--tls", str(certificates)]
    server = launch([*command, *options], url=f"https://{HOST}:{port}", log=folder / "crm.log")
    until_the_end.callback(server.stop)
    wait_until(lambda: "Sandbox ready" in server.output(), seconds=90, what="the CRM is ready")
    return server.url, certificates / tls.CERTIFICATE


def _start_proxy(made: Installation, ports: tuple[int, ...], until_the_end: ExitStack) -> None:
    certificate, key = tls.provide(made.folder / "proxy-tls", host=HOST)
    changes = {
        "server web:8000 fail_timeout=2s;": " ".join(f"server {HOST}:{port} fail_timeout=2s;" for port in ports),
        "listen 443 ssl;": f"listen {made.url.removeprefix('https://')} ssl;",
        "outlook-sync.contoso.com": HOST,
        "/etc/outlook-sync/tls/portal.crt": str(certificate),
        "/etc/outlook-sync/tls/portal.key": str(key),
    }
    text = (PROJECT / "deploy" / "proxy" / "nginx.conf").read_text()
    for old, new in changes.items():
        assert old in text, f"deploy/proxy/nginx.conf no longer has {old}"
        text = text.replace(old, new)
    own = "".join(
        f"{kind}_temp_path {made.folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = f"pid {made.folder}/nginx.pid; events {{}} http {{ access_log off; {own}\n{text}\n}}"
    path = made.folder / "nginx.conf"
    path.write_text(main)
    command = ["nginx", "-c", str(path), "-p", str(made.folder), "-e", "stderr", "-g", "daemon off;"]
    server = launch(command, url=made.url, log=made.folder / "nginx.log")
    until_the_end.callback(server.stop)
