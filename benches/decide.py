"""Response times of decisions while Redis and the CRM are not available.

The reference is the page of the same edit, requested just before, which decides and writes nothing.
"""

from __future__ import annotations

import os
import time
from typing import Any

from django.db import transaction

from benches import tables
from benches.figures import Spread, heading, line, target
from syncapp.models import Decision, SyncRecord
from tests.support.factories import make_field, make_record, store_columns
from tests.support.people import browser, rita
from tests.support.screen import Screen

DECISIONS = 60
LIMIT_MS = 200


def main() -> None:
    """For each edit, open its page and approve one of its two fields, by form and by htmx."""
    records = _staged()
    client = browser(rita())
    plain = _each(client, records[:DECISIONS], {})
    htmx = _each(client, records[DECISIONS:], {"HX-Request": "true"})
    assert Decision.objects.count() == 2 * DECISIONS, "every decision is stored"
    heading(f"decisions, {tables.vendor()}: {os.environ['BENCH_STATE']}, {DECISIONS} each")
    _report("form", *plain)
    _report("htmx", *htmx)


def _staged() -> list[SyncRecord]:
    store_columns()
    with transaction.atomic():
        records = [make_record(f"Contact {number}") for number in range(2 * DECISIONS + 1)]
        for record in records:
            make_field(record, "jobtitle")
            make_field(record, "telephone1", original_value="+49 30 1", proposed_value="+49 30 2")
    _decide(browser(rita()), records.pop(), {})  # to warm up templates, routes and connections
    Decision.objects.all()._raw_delete("default")
    return records


def _each(client: Any, records: list[SyncRecord], headers: dict[str, str]) -> tuple[Spread, Spread]:
    took = [_decide(client, record, headers) for record in records]
    return Spread.of(page for page, _ in took), Spread.of(decision for _, decision in took)


def _decide(client: Any, record: SyncRecord, headers: dict[str, str]) -> tuple[float, float]:
    """Return the milliseconds of the page and of the decision."""
    started = time.perf_counter()
    screen = Screen(client.get(f"/review/{record.pk}/"))
    opened = time.perf_counter()
    button = next(name for name in screen.buttons if name.startswith("do=approve:"))
    body = screen.form | {"do": button.removeprefix("do=")}
    sent = time.perf_counter()
    response = client.post(f"/review/{record.pk}/decide", body, headers=headers)
    answered = time.perf_counter()
    assert response.status_code in (200, 303), response.status_code
    return (opened - started) * 1000, (answered - sent) * 1000


def _report(name: str, page: Spread, decision: Spread) -> None:
    half, slow = decision.percentile(0.5), decision.percentile(0.95)
    line(f"{name}: decision answered, p50, p95", f"{half:.0f} ms, {slow:.0f} ms", target(slow, LIMIT_MS, unit=" ms"))
    line(f"{name}: the edit's page, p50, p95", f"{page.percentile(0.5):.0f} ms, {page.percentile(0.95):.0f} ms")
    line(f"{name}: decision / page", f"{half / page.percentile(0.5):.2f}")
