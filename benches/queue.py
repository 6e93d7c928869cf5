"""The queue's first page compared with the Django admin's default list of the same rows, as complete requests."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models.functions import Now

from benches import admin_list, seed, tables
from benches.figures import Spread, heading, line, target
from syncapp.models import CrmUser
from syncapp.review.queue import reads
from syncapp.review.queue.criteria import Tab
from tests.support.people import browser, rita
from tests.support.screen import Screen

SIZES = (100, 10_000, 1_000_000)
ROUNDS, PAGES_A_ROUND = 5, 5
DECISIONS = 30
LIMIT_MS, GO_ON_MS = 150, 100
HTMX = {"HX-Request": "true", "HX-Target": "record"}
# Every way to open the queue: its tabs and orders, and searches for common, rare and unknown words.
VIEWS = {
    "waiting, oldest first": "",
    "waiting, newest first": "order=newest",
    "waiting, by name": "order=name",
    "needs attention": "tab=attention",
    "being written": "tab=writing",
    "decided, oldest first": "tab=decided",
    "decided, newest first": "tab=decided&order=newest",
    "decided, by name": "tab=decided&order=name",
    "search: one letter": "q=m",
    "search: a common beginning": "q=ma",
    "search: a common beginning, newest first": "q=ma&order=newest",
    "search: a common beginning, by name": "q=ma&order=name",
    "search: a common beginning, decided": "tab=decided&q=ma",
    "search: a common beginning, attention": "tab=attention&q=ma",
    "search: a common surname": "q=brandt",
    "search: two common words": "q=brandt+solv",
    "search: two common words that never occur together": "q=marta+jonas",
    "search: company and number": "q=adat+17",
    "search: a rare beginning": "q=4321",
    "search: exactly one": "q={last}+brandt+solveig",
    "search: nothing": "q=zzz",
    "search: nothing, decided": "tab=decided&q=zzz",
    "search: a common word and a field": "q=ma&field=telephone1",
    "search: a common word of one editor": "q=ma&editor={editor}",
    "field that all have": "field=telephone1",
    "field that few have": "field=fax",
    "field that no edit has": "field=nickname",
    "kind: changed": "kind=other",
    "kind: format only": "kind=format",
    "one editor": "editor={editor}",
    "one editor, newest first": "editor={editor}&order=newest",
    "over 30 days old": "age=month",
    "of the last 24 hours": "age=fresh",
    "assigned to me": "owner=me",
    "parked": "tab=parked",
    "decided, field that all have": "tab=decided&field=telephone1",
    "decided, field that few have": "tab=decided&field=fax",
    "decided, one editor": "tab=decided&editor={editor}",
}


@dataclass(slots=True)
class Watched:
    """The queries of one request, and their total time in seconds."""

    queries: list[tuple[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        started = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.seconds += time.perf_counter() - started
            self.queries.append((sql, params))


def main() -> None:
    """Measure all sizes on one database."""
    for size in SIZES:
        seed.fill(size)
        heading(f"queue, {tables.vendor()}: {size:,} staged fields of {size // 2:,} edits")
        _compare(browser(rita()))
    _decide_and_go_on(browser(rita()))
    heading(f"queue, {tables.vendor()}: every way to open it, {SIZES[-1]:,} staged fields")
    _all_views(browser(rita()))


def _compare(client: Any) -> None:
    """Measure the first page and the reference in turn."""
    ours, theirs = _asked(client, "/review/"), _asked(client, admin_list.PATH)
    first, admin, worked = [], [], []
    for _ in range(ROUNDS):
        before = time.thread_time()
        first.append(min(_seconds(client, "/review/") for _ in range(PAGES_A_ROUND)) * 1000)
        worked.append((time.thread_time() - before) * 1000 / PAGES_A_ROUND)
        admin.append(_seconds(client, admin_list.PATH) * 1000)
    page, listed = Spread.of(first), Spread.of(admin)
    line("first page, in the server", page.show(" ms", digits=0), target(page.median, LIMIT_MS, unit=" ms"))
    line("  of which work of this process", Spread.of(worked).show(" ms", digits=0), "the rest is waiting")
    line("  of which in the database", f"{ours.seconds * 1000:.0f} ms", f"{len(ours.queries)} queries")
    line("Django admin's list, in the server", listed.show(" ms", digits=0), f"{len(theirs.queries)} queries")
    line("first page / admin's list", page.per(listed).show())
    line("plan of the list", _plan(ours))


def _decide_and_go_on(client: Any) -> None:
    """Measure the key `a` at a contact's last field, which decides it and opens the next contact."""
    for record in reads.page(Tab.WAITING, order=reads.Order.OLDEST, size=2 * DECISIONS).records:
        known = {"name": record.editor_name, "entra_id": record.editor_id, "read_at": Now()}
        CrmUser.objects.get_or_create(pk=record.editor_id, defaults=known)
    screen, took, worked = Screen(client.get("/review/")), [], []
    for _ in range(DECISIONS):
        record = _open_in(screen)
        form = screen.form | {"do": "approve-all", "next": "contact"}
        started, before = time.perf_counter(), time.thread_time()
        answer = client.post(f"/review/{record}/decide", form, headers=HTMX)
        took.append((time.perf_counter() - started) * 1000)
        worked.append((time.thread_time() - before) * 1000)
        screen = Screen(answer)
        assert _open_in(screen) != record, "the next contact is shown"
    both = Spread.of(took)
    half, slow = both.percentile(0.5), both.percentile(0.95)
    line(
        "approve, then the next contact, p50, p95", f"{half:.0f} ms, {slow:.0f} ms", target(half, GO_ON_MS, unit=" ms")
    )
    line("  of which work of this process, p50", f"{Spread.of(worked).percentile(0.5):.0f} ms")


def _open_in(screen: Screen) -> str:
    return next(tag["data-record"] for _, tag in screen.tags if tag.get("id") == "record")


def _all_views(client: Any) -> None:
    last = next(number for number in range(SIZES[-1] // 2 - 1, 0, -1) if _is_solveig_brandt(number))
    for name, query in VIEWS.items():
        path = f"/review/?{query.format(last=last, editor=seed.EDITOR)}"
        watched = _asked(client, path)
        times = Spread.of(_seconds(client, path) * 1000 for _ in range(ROUNDS))
        note = f"{len(watched.queries)} queries, {_plan(watched)}"
        line(name, times.show(" ms", digits=0), f"{note} {'' if times.median <= LIMIT_MS else 'OVER THE LIMIT'}")


def _is_solveig_brandt(number: int) -> bool:
    first, last = number % len(seed.FIRST_NAMES), number // len(seed.FIRST_NAMES) % len(seed.LAST_NAMES)
    return seed.FIRST_NAMES[first] == "Solveig" and seed.LAST_NAMES[last] == "Brandt"


def _seconds(client: Any, path: str) -> float:
    started = time.perf_counter()
    response = client.get(path)
    took = time.perf_counter() - started
    assert response.status_code == 200, f"{path}: {response.status_code}"
    return took


def _asked(client: Any, path: str) -> Watched:
    """Return the queries of a request, after one request to warm up."""
    _seconds(client, path)
    watched = Watched()
    with connection.execute_wrapper(watched):
        _seconds(client, path)
    return watched


def _plan(watched: Watched) -> str:
    """Return the indexes that the list's query uses, or that it reads the whole table."""
    lists = (query for query in watched.queries if "ORDER BY" in query[0] and "LIMIT 51" in query[0])
    sql, params = next(lists, ("", ()))
    if not sql:
        return "no matching field"  # another query has found that no edit has such a field
    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {sql}", params)
        plan = " ".join(str(part) for row in cursor.fetchall() for part in row)
    used = sorted(set(re.findall(r"record_\w+", plan)))
    sorts = " then sort" if "TEMP B-TREE" in plan or "Sort" in plan else ""
    return (", ".join(used) or "reads the whole table") + sorts
