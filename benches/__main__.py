"""Run the named benchmarks, or all but the longest. The exit status is not 0 if a target was missed."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import time

from benches import figures, stage
from benches.staged import BENCHES, ONLY_BY_NAME


def main() -> None:
    """Run the named benchmarks in turn."""
    parser = argparse.ArgumentParser(prog="python -m benches", description=__doc__)
    known = f"one of {', '.join(BENCHES)}; default: all but {', '.join(ONLY_BY_NAME)}"
    parser.add_argument("bench", nargs="*", metavar="BENCH", help=known)
    parser.add_argument("--on", choices=stage.DATABASES, help="use only this database")
    arguments = parser.parse_args()
    wanted = arguments.bench or [name for name in BENCHES if name not in ONLY_BY_NAME]
    if unknown := set(wanted) - set(BENCHES):
        parser.error(f"unknown benchmark {', '.join(sorted(unknown))}; known are {', '.join(BENCHES)}")
    # An exception, so that the servers that a benchmark has started are stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    load = os.getloadavg()[0]
    print(f"CPython {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, load {load:.1f} before")
    started = time.monotonic()
    for name in wanted:
        BENCHES[name]([arguments.on] if arguments.on else stage.DATABASES)
    print(f"\n{time.monotonic() - started:.0f} s in total")
    if figures.missed():
        print(f"{figures.missed()} targets MISSED, see above")
        sys.exit(figures.MISSED)


if __name__ == "__main__":
    main()
