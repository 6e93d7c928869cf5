"""The mirror compared with a bare `bulk_create` of the same rows into the same tables, in equally large transactions.

The reference is strict: its model instances are ready before the clock starts, it knows that every row is new, and it
keeps no cursor, counts or audit log. Only the time spent waiting for the CRM is subtracted from the mirror's time;
parsing the answers (JSON, types, checks) counts.
"""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass, field
from typing import Any

from benches import tables
from benches.figures import Spread, heading, line, target
from syncapp.connection.clients import crm
from syncapp.mirror.edits import pull as changes

FIRST_MEASURE = 20_000
ROUNDS = 3


@dataclass(slots=True)
class Pull:
    """A complete pull. Times are in seconds, `waiting` for the CRM's answers and `reading` them; `peaks` are in MB."""

    waiting: float = 0.0
    reading: float = 0.0
    total: float = 0.0
    fields: int = 0
    peaks: list[int] = field(default_factory=list)

    @property
    def own(self) -> float:
        return self.total - self.waiting


def main() -> None:
    """Pull and insert in turn, on one database."""
    pulls, bare = [pull()], []
    rows = tables.mirrored()
    for number in range(ROUNDS):
        bare.append(tables.insert_bare(rows))
        if number:
            tables.empty()
            pulls.append(pull())
    report(pulls, bare, edits=len(rows[0]), vendor=tables.vendor())


def pull() -> Pull:
    """Mirror everything that the sandbox has staged."""
    measured = Pull()
    client = _watched(crm(), measured)
    started = time.perf_counter()
    pulled = changes.pull(client, progress=lambda so_far: _note_memory(measured, so_far.fields))
    measured.total = time.perf_counter() - started
    measured.fields = pulled.fields
    measured.peaks.append(_peak_memory())
    return measured


def _watched(client: Any, measured: Pull) -> Any:
    """Wrap the client, and measure its methods: time without use of the processor is spent waiting for the CRM."""

    class Watched:
        def __getattr__(self, name: str) -> Any:
            return _timed(getattr(client, name), measured)

    return Watched()


def _timed(read: Any, measured: Pull) -> Any:
    def timed(*args: Any, **options: Any) -> Any:
        started, worked = time.perf_counter(), time.thread_time()
        try:
            return read(*args, **options)
        finally:
            work = time.thread_time() - worked
            measured.reading += work
            measured.waiting += time.perf_counter() - started - work

    return timed


def _note_memory(measured: Pull, fields: int) -> None:
    if fields >= FIRST_MEASURE and not measured.peaks:
        measured.peaks.append(_peak_memory())


def _peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def report(pulls: list[Pull], bare: list[float], *, edits: int, vendor: str) -> None:
    """Print the figures of one database."""
    own, waiting = Spread.of(each.own for each in pulls), Spread.of(each.waiting for each in pulls)
    insert = Spread.of(bare)
    ratio = own.per(insert)
    heading(f"mirror, {vendor}: {pulls[0].fields:,} fields of {edits:,} edits, {len(pulls)} rounds")
    line("waiting for the CRM (not counted)", waiting.show(" s", digits=1))
    line("the mirror's own time", own.show(" s", digits=1))
    line("  of which reading the CRM's answers", Spread.of(each.reading for each in pulls).show(" s", digits=1))
    line("bare bulk_create of the same rows, instances ready", insert.show(" s", digits=1))
    line("own time / bare bulk_create", ratio.show(), target(ratio.median, 2))
    first, last = pulls[0].peaks
    line(f"peak memory at {FIRST_MEASURE:,} fields, at the end", f"{first} MB, {last} MB", f"growth {last - first} MB")
