"""A host as docs/how-to/deploy.md sets it up, below a folder that serves as its root directory.

Settings, releases, units and backups are at the places that the documents name; systemctl and journalctl are
stand-ins. So the documents' commands run unchanged; only the root differs.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import certifi
import psycopg
import requests

from syncapp.migrations import PREVIOUS_RELEASE
from tests.deployment import systemctl
from tests.deployment.documents import commands
from tests.deployment.installation import HOST, production_settings, start_crm, start_proxy
from tests.deployment.visitor import Visitor
from tests.support.servers import (
    PROJECT,
    free_port,
    postgres,
    postgres_programs,
    start_valkey,
    temporary_folder,
    wait_until,
)

# What the container image holds, and the units.
PARTS = ("manage.py", "gunicorn.conf.py", "pyproject.toml", "portal", "syncapp", "templates", "deploy")
ENTRY_POINTS = {"gunicorn": "gunicorn.app.wsgiapp", "celery": "celery.__main__"}


@dataclass(slots=True)
class Host:
    """The host's root, the proxy's address, the database, and a file with all certificate authorities."""

    root: Path
    url: str
    database: str
    authorities: Path

    def run(self, commands: str, *, status: int = 0) -> str:
        """Run commands of a document, and return their output. Raises AssertionError for another exit status."""
        system = {"PATH": f"{self.root}/bin:{postgres_programs()}:/usr/bin:/bin", "HOST_ROOT": str(self.root)}
        script = systemctl.below(self.root, commands)
        done = subprocess.run(
            ["bash", "-eu", "-c", script], cwd=self.root, env=system, capture_output=True, text=True, timeout=400
        )
        assert done.returncode == status, f"{done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def wait_until_ready(self) -> None:
        """Wait until the web processes can serve people."""
        try:
            wait_until(self._is_ready, seconds=120, what="the portal answers")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log('web')[-3000:]}") from None

    def _is_ready(self) -> bool:
        try:
            # This name works in the previous release, too.
            return requests.get(f"{self.url}/healthz?part=web", timeout=5, verify=str(self.authorities)).ok
        except requests.RequestException:
            return False

    def log(self, name: str) -> str:
        """Return what a service logged."""
        file = self.root / f"var/log/journal/outlook-sync-{name}.log"
        return file.read_text() if file.exists() else ""

    def visitor(self, person: str) -> Visitor:
        """Sign a person in."""
        return Visitor(self.url, self.authorities, person)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return rows of the portal's database."""
        with psycopg.connect(self.database) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def install(self, version: str) -> None:
        """Install a release with the commands of deploy.md."""
        self.add_release(version)
        self.use_release(version)
        blocks = commands("deploy.md")
        for name in ("prepare", "start", "allow-writing"):
            self.run(blocks[name])
        self.wait_until_ready()

    def add_release(self, version: str, *, files: Mapping[str, bytes] | None = None) -> None:
        """Put a release into /opt: the working tree's, or these files."""
        folder = self.root / f"opt/outlook-sync-{version}"
        if files is None:
            for part in PARTS:
                _copy(PROJECT / part, folder / part)
        for name, content in (files or {}).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        _install_packages(folder / ".venv", self.authorities)

    def use_units_of(self, version: str) -> None:
        """Start a release with the units of another one."""
        units = f"/opt/outlook-sync-{version}/deploy/"
        self.run(commands("deploy.md")["start"].replace("/opt/outlook-sync/deploy/", units))

    def use_release(self, version: str) -> None:
        """Link /opt/outlook-sync to a release."""
        link = self.root / "opt/outlook-sync"
        link.unlink(missing_ok=True)
        link.symlink_to(self.root / f"opt/outlook-sync-{version}")


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _install_packages(folder: Path, authorities: Path) -> None:
    """Make a virtual environment with this one's packages; its requests trusts the CRM's certificate.

    The previous release does not support CA_BUNDLE.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    site = next(folder.glob("lib/python*/site-packages"))
    shutil.copytree(Path(certifi.__file__).parent, site / "certifi")
    with (site / "certifi/cacert.pem").open("ab") as trusted:
        trusted.write(b"\n" + authorities.read_bytes())
    (site / "shared.pth").write_text(sysconfig.get_path("purelib"))
    for name, module in ENTRY_POINTS.items():
        program = folder / "bin" / name
        call = "run" if name == "gunicorn" else "main"
        program.write_text(f"#!{folder}/bin/python\nimport sys\nfrom {module} import {call}\nsys.exit({call}())\n")
        program.chmod(0o755)


def previous_release() -> dict[str, bytes]:
    """Return the files of the release whose newest migration is PREVIOUS_RELEASE, from the project's history."""
    following = f"{int(PREVIOUS_RELEASE[:4]) + 1:04}_*.py"
    added = _git("log", "--format=%H", "--diff-filter=A", "--", f"syncapp/migrations/{following}").split()
    assert added, "the project's history does not reach back to the previous release"
    there = set(_git("ls-tree", "--name-only", f"{added[-1]}^").split())
    archive = _git_bytes("archive", f"{added[-1]}^", *sorted(there & set(PARTS)))
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        files = {each.name: tar.extractfile(each) for each in tar.getmembers() if each.isfile()}
        return {name: content.read() for name, content in files.items() if content is not None}


def _git(*arguments: str) -> str:
    return _git_bytes(*arguments).decode()


def _git_bytes(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=PROJECT, capture_output=True, check=True).stdout


@contextmanager
def running_host(**settings: str) -> Iterator[tuple[Host, str]]:
    """Run PostgreSQL, Redis, CRM and proxy around a host; yield it, without the portal, and the CRM's address."""
    with ExitStack() as until_the_end:
        root = until_the_end.enter_context(temporary_folder("osync-h-"))
        server = until_the_end.enter_context(postgres())
        broker = start_valkey(root, port=free_port())
        until_the_end.callback(broker.stop)
        crm, crm_authority = start_crm(root, until_the_end)
        port, proxy = free_port(), f"https://{HOST}:{free_port()}"
        start_proxy(root, (proxy, f"http://{HOST}:{free_port()}"), [port], until_the_end)
        authorities = root / "authorities.pem"
        authorities.write_bytes(crm_authority.read_bytes() + (root / "proxy-tls/certificate.pem").read_bytes())
        host = Host(root, proxy, _create_database(server.url), authorities)
        until_the_end.callback(host.run, "systemctl stop outlook-sync.target")
        addresses = {"DATABASE_URL": host.database, "REDIS_URL": broker.url, "BASE_URL": proxy, "CRM_ORIGIN": crm.url}
        own = {"WEB_BIND": f"{HOST}:{port}", "GUNICORN_CMD_ARGS": f"--bind {HOST}:{port}"}
        _write_settings(host, {**production_settings(crm_authority, addresses), **own, **settings})
        _write_programs(root)
        yield host, crm.url


def _create_database(server: str) -> str:
    """Create the role and the database of deploy.md; return the database's address."""
    with psycopg.connect(server, autocommit=True) as administrator:
        administrator.execute("CREATE ROLE portal LOGIN")
        administrator.execute("CREATE DATABASE portal OWNER portal")
    return server.replace("postgres@", "portal@").removesuffix("/postgres") + "/portal"


def _write_settings(host: Host, settings: Mapping[str, str]) -> None:
    lines = [f"{name}='{value}'" for name, value in settings.items() if name not in ("PATH", "VIRTUAL_ENV")]
    file = host.root / "etc/outlook-sync/portal.env"
    for folder in (file.parent, host.root / "etc/systemd/system", host.root / "opt", host.root / "var"):
        folder.mkdir(parents=True)
    file.write_text("\n".join(lines) + "\n")


def _write_programs(root: Path) -> None:
    programs = {
        "systemctl": f'exec {sys.executable} {Path(systemctl.__file__)} "$@"',
        "journalctl": f"cat {root}/var/log/journal/*.log",
    }
    (root / "bin").mkdir()
    for name, line in programs.items():
        (root / "bin" / name).write_text(f"#!/bin/sh\n{line}\n")
        (root / "bin" / name).chmod(0o755)
