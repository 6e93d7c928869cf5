"""Installation of a locked set of packages into a virtual environment, with progress.

`python -m tools.install .venv requirements-demo.txt "1 minute"`. It runs on any Python 3, before anything is installed.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

OLDEST_PYTHON = (3, 11)
QUIET_SECONDS = 10.0  # between two reports if the output is not a terminal


class Progress:
    """A line of the terminal that is overwritten, or new lines from time to time if the output is not a terminal."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._said_at = time.monotonic()

    def say(self, words: str) -> None:
        """Report the progress."""
        if self._is_terminal:
            sys.stdout.write(f"\r  {words:<60}")
        elif time.monotonic() - self._said_at > QUIET_SECONDS:
            self._said_at = time.monotonic()
            sys.stdout.write(f"  {words}\n")
        sys.stdout.flush()

    def end(self, words: str) -> None:
        """Report the end."""
        sys.stdout.write(f"\r  {words:<60}\n" if self._is_terminal else f"  {words}\n")
        sys.stdout.flush()


def install(venv: Path, lock: Path, *, usual_time: str) -> int:
    """Install the packages of `lock` into `venv`; return the exit code."""
    began, total = time.monotonic(), len(re.findall(r"^[\w.\[\]-]+==", lock.read_text(encoding="utf-8"), re.MULTILINE))
    sys.stdout.write(f"Installing {total} packages into {venv}. This takes about {usual_time}.\n")
    progress = Progress()
    progress.say("creating the environment")
    made = subprocess.run([sys.executable, "-m", "venv", str(venv)], capture_output=True, text=True, check=False)
    if made.returncode:
        sys.stderr.write(f"\n{made.stdout}{made.stderr}")
        return made.returncode
    # The lock has every package with its hash, so there is nothing to resolve. pip would compile on one core only.
    options = ["--disable-pip-version-check", "--progress-bar=off", "--no-deps", "--no-compile", "--require-hashes"]
    python = str(venv / "bin" / "python")
    lines, fetched = [], 0
    with subprocess.Popen(
        [python, "-u", "-m", "pip", "install", *options, "-r", str(lock)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as pip:
        for line in pip.stdout or ():
            lines.append(line)
            if re.match(r"Collecting |Requirement already satisfied|Ignoring ", line):
                fetched += 1
                progress.say(f"fetching {fetched} of {total}")
            elif line.startswith("Installing collected packages"):
                progress.say(f"unpacking {line.count(',') + 1} packages")
    if pip.returncode:
        sys.stderr.write("\n" + "".join(lines[-30:]))
        return pip.returncode
    progress.say("compiling")
    subprocess.run([python, "-m", "compileall", "-q", "-j", "0", str(venv / "lib")], capture_output=True, check=False)
    progress.end(f"installed in {time.monotonic() - began:.0f} s")
    return 0


def main() -> int:
    """Install the lock file that the command line names."""
    if sys.version_info < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        found = ".".join(map(str, sys.version_info[:2]))
        sys.stderr.write(
            f"Python {wanted} or newer is required; this is {found}. Name another one: make PYTHON=python3.12\n"
        )
        return 1
    venv, lock, usual_time = sys.argv[1:]
    return install(Path(venv), Path(lock), usual_time=usual_time)


if __name__ == "__main__":
    sys.exit(main())
