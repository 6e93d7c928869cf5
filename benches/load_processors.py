"""Processor time by kind of process during a load test, from /proc."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

BETWEEN_READINGS = 1.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PARENT, _USER, _SYSTEM, _STARTED = 1, 11, 12, 19  # fields of /proc/PID/stat after the process's name


class _Process(NamedTuple):
    parent: int
    started: int
    seconds: float


class Processors(threading.Thread):
    """A thread that adds up the processor seconds of processes and their descendants, including those that end.

    `kinds` returns the kind of each process by its pid. It is called before each reading, because processes restart.
    """

    def __init__(self, kinds: Callable[[], Mapping[int, str]]) -> None:
        super().__init__(daemon=True)
        self._kinds, self._ends = kinds, threading.Event()
        self._roots: dict[int, str] = {}
        self._before: dict[tuple[int, int], float] = {}
        self._found: dict[tuple[int, int], tuple[str, float]] = {}

    def __enter__(self) -> Processors:
        self._before = {(pid, each.started): each.seconds for pid, each in _processes().items()}
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ends.set()
        self.join()

    def run(self) -> None:
        """Read once a second until the context ends."""
        while not self._ends.wait(BETWEEN_READINGS):
            self._read()
        self._read()

    def seconds(self) -> Counter[str]:
        """Return the processor seconds by kind, without the last second of each process that has ended."""
        found: Counter[str] = Counter()
        for process, (kind, seconds) in self._found.items():
            found[kind] += seconds - self._before.get(process, 0.0)
        return found

    def _read(self) -> None:
        self._roots |= self._kinds()  # keeps processes that have ended
        processes = _processes()
        for pid, process in processes.items():
            ancestor = pid
            while ancestor in processes and ancestor not in self._roots:
                ancestor = processes[ancestor].parent
            if kind := self._roots.get(ancestor):
                self._found[pid, process.started] = kind, process.seconds


def _processes() -> dict[int, _Process]:
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parts = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # the process has ended
            continue
        used = (int(parts[_USER]) + int(parts[_SYSTEM])) / _TICKS
        found[int(folder.name)] = _Process(int(parts[_PARENT]), int(parts[_STARTED]), used)
    return found
