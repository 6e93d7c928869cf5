"""A stand-in for systemctl: runs the units of a host's folder as plain processes, with their own settings.

`HOST_ROOT=folder systemctl.py start NAME…`. It supports only the parts of systemd that the documents use.
"""

from __future__ import annotations

import configparser
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

_ABSOLUTE = re.compile(r"(?<![\w./-])/(?=(?:etc|opt|run|var)/)")
_ENABLED = "enabled"


def below(root: Path, text: str) -> str:
    """Return a document's or a unit's text with its folders below `root`."""
    return _ABSOLUTE.sub(f"{root}/", text)


class Systemd:
    """The units of one host, whose state is in files, because each call is a process of its own."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._units, self._state = root / "etc/systemd/system", root / "run/units"
        self._journal = root / "var/log/journal"
        for folder in (self._state, self._journal, root / "run/outlook-sync"):  # RuntimeDirectory=
            folder.mkdir(parents=True, exist_ok=True)

    def enable(self, names: Sequence[str]) -> None:
        for name in names:
            (self._state / f"{name}.{_ENABLED}").touch()

    def start(self, names: Sequence[str]) -> None:
        for name in self._services(names):
            if self._pid(name) is None:
                self._launch(name)

    def stop(self, names: Sequence[str]) -> None:
        """Stop services together."""
        running = {name: pid for name in self._services(names) if (pid := self._pid(name))}
        for pid in running.values():
            os.kill(pid, signal.SIGTERM)
        for name, pid in running.items():
            _wait(pid, seconds=int(self._read(name)["Service"]["TimeoutStopSec"]))

    def _services(self, names: Sequence[str]) -> list[str]:
        """Return the services for these names; a target stands for its enabled services."""
        found = [name.removesuffix(".service") for name in names if not name.endswith((".target", ".timer"))]
        for target in (name for name in names if name.endswith(".target")):
            enabled = [path.stem for path in sorted(self._state.glob(f"*.{_ENABLED}")) if "." not in path.stem]
            found += [unit for unit in enabled if self._read(unit)["Unit"].get("PartOf") == target]
        return [name for name in found if self._read(name)["Service"].get("Type", "simple") == "simple"]

    def _launch(self, name: str) -> None:
        service = self._read(name)["Service"]
        own = dict([service["Environment"].split("=", 1)]) if "Environment" in service else {}
        process = subprocess.Popen(
            shlex.split(service["ExecStart"].replace("%%", "%")),
            cwd=service["WorkingDirectory"],
            env={"PATH": os.environ["PATH"], **_environment_file(service["EnvironmentFile"]), **own},
            stdin=subprocess.DEVNULL,
            stdout=(self._journal / f"{name}.log").open("ab"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        (self._state / name).write_text(str(process.pid))

    def _pid(self, name: str) -> int | None:
        file = self._state / name
        pid = int(file.read_text()) if file.exists() else 0
        return pid if pid and _is_running(pid) else None

    def _read(self, name: str) -> configparser.RawConfigParser:
        parser = configparser.RawConfigParser(strict=False)
        parser.optionxform = str  # type: ignore[assignment,method-assign]  # the names of settings keep their case
        parser.read_string(below(self._root, (self._units / f"{name}.service").read_text()))
        return parser


def _environment_file(path: str) -> dict[str, str]:
    done = subprocess.run(["bash", "-c", 'set -a; . "$1"; env -0', "-", path], capture_output=True, env={}, check=True)
    return dict(line.split("=", 1) for line in done.stdout.decode().split("\0") if "=" in line)


def _is_running(pid: int) -> bool:
    """Return whether a process runs; a zombie process counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _wait(pid: int, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while _is_running(pid):
        if time.monotonic() > deadline:
            os.killpg(pid, signal.SIGKILL)
        time.sleep(0.1)


def main(verb: str, *arguments: str) -> None:
    """Execute this command line of systemctl."""
    systemd = Systemd(Path(os.environ["HOST_ROOT"]))
    names = [each for each in arguments if not each.startswith("--")]
    match verb:
        case "daemon-reload":
            return
        case "enable":
            systemd.enable([name.removesuffix(".service") for name in names])
            if "--now" in arguments:
                systemd.start(names)
        case "start":
            systemd.start(names)
        case "stop":
            systemd.stop(names)
        case "restart":
            systemd.stop(names)
            systemd.start(names)
        case _:
            sys.exit(f"not supported here: systemctl {verb}")


if __name__ == "__main__":
    main(*sys.argv[1:])
