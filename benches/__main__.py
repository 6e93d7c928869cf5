"""`python -m benches` runs all of them, `python -m benches mirror queue` the named ones."""

from __future__ import annotations

import argparse
import os
import platform
import time

from benches.staged import BENCHES


def main() -> None:
    """Run the wanted benches, one after the other."""
    parser = argparse.ArgumentParser(prog="python -m benches", description=__doc__)
    parser.add_argument("bench", nargs="*", metavar="BENCH", help=f"of {', '.join(BENCHES)}; without any: all")
    wanted = parser.parse_args().bench or list(BENCHES)
    if unknown := set(wanted) - set(BENCHES):
        parser.error(f"no bench {', '.join(sorted(unknown))}; known are {', '.join(BENCHES)}")
    print(f"CPython {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores")
    started = time.monotonic()
    for name in wanted:
        BENCHES[name]()
    print(f"\n{time.monotonic() - started:.0f} s in all")


if __name__ == "__main__":
    main()
