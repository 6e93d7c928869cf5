"""Capture from the audit log: 10,000 edits in Outlook, and an import that changes 20,000 contacts at once.

All edits have been made when reading begins, as after a pause of an hour. The sandbox enforces the published limits on
a faster clock; times are by that clock. The minimum number of requests is two per contact, to read its version and to
write it, plus the pages of the lists and the batches of values. The minimum time is what the published limits allow.
"""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import requests
from django.conf import settings
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from benches import stage, tables, workers
from benches.figures import heading, line, target
from syncapp.capture import brakes, contacts, details, entry_lists, reading
from syncapp.connection import clients
from syncapp.connection.clients import verified_client
from syncapp.models import Capture, CaptureEntry, CaptureJob, CaptureSource, Restore
from syncapp.models.capture.entry import EntryState, Source
from syncapp.models.capture.restore import RestoreResult
from syncapp.models.capture.settings import CaptureMode
from syncapp.models.jobs.job import JobState

WORKERS, EDITING = 4, 4
AN_HOUR = 3600.0
REQUESTS = 20.0  # per second, as published
FACTOR = 1.2


def main() -> None:
    """Import first, so that people's edits are read among other entries; then edit and stage."""
    edits, imported = (int(os.environ[name]) for name in ("CAPTURE_EDITS", "CAPTURE_IMPORTED"))
    heading(f"capture, {tables.vendor()}: clock {1 / settings.RATE_LIMIT_TIME_SCALE:g} times faster, {WORKERS} workers")
    _begin()
    _import(imported)
    _capture(edits)


def _begin() -> None:
    """Begin to capture: without the plug-in, with the audit log on and the limits of the brakes raised."""
    clients.check_organization(clients.crm().who_am_i().organization_id)
    clients.set_writes_allowed("review", allowed=True, by=None)
    for switch, body in (
        ("plugin", {"enabled": False}),
        ("synchronization", {"signature": "signed"}),
        ("auditing", {"enabled": True, "delay_seconds": 0, "jitter_seconds": 0}),
    ):
        stage.control("PUT", settings.CRM_ORIGIN, switch, body)
    brakes.MIN_MASS_EDIT = 1_000_000
    _read()
    Capture.objects.update(mode=CaptureMode.RESTORING, mode_since=F("observing_since"), max_restores=1_000_000)
    since = Capture.objects.get().observing_since
    CaptureSource.objects.create(source=Source.OUTLOOK, is_on=True, since=since)
    time.sleep(1.1)  # entries have whole seconds, and those of the second in which observing began are not read


def _read() -> tuple[int, float, int]:
    """Read to the end; return the rounds, the seconds, and the requests."""
    client, started, rounds = verified_client(), time.monotonic(), 0
    before = client.requests_sent()
    while True:
        rounds += 1
        if reading.read(client, names=clients.names(), seconds=30).finished:
            return rounds, time.monotonic() - started, client.requests_sent() - before


def _limit() -> None:
    limits = {"requests": 6000, "execution_seconds": 1200}
    scale = settings.RATE_LIMIT_TIME_SCALE
    stage.control("PUT", settings.CRM_ORIGIN, "faults", {"time_scale": scale, "limits": limits})


def _import(number: int) -> None:
    stage.control("POST", settings.CRM_ORIGIN, "import", {"changes": {"jobtitle": "Imported"}, "count": number})
    _limit()
    peak = workers.peak_memory()
    rounds, seconds, asked = _read()
    read = CaptureEntry.objects.filter(source=Source.UNKNOWN).count()
    line(f"an import of {number:,} contacts: entries read", f"{read:,}", target(number - read, 0))
    line("  until read to the end", f"{seconds * _faster():.0f} s, {rounds} rounds", f"{asked:,} requests")
    line("  jobs and restores", f"{CaptureJob.objects.count()}, {Restore.objects.count()}", "target 0")
    target(CaptureJob.objects.count() + Restore.objects.count(), 0)
    line("  the reader's peak memory before and after", f"{peak:.0f} MB, {workers.peak_memory():.0f} MB")
    stage.control("DELETE", settings.CRM_ORIGIN, "faults", {})


def _faster() -> float:
    return float(1 / settings.RATE_LIMIT_TIME_SCALE)


def _edit_all(number: int) -> None:
    """Edit this many contacts in Outlook, once each."""
    token = stage.control("POST", settings.CRM_ORIGIN, "token", {"user": "# Outlook Sync Portal"})["access_token"]
    url, headers = (
        f"{settings.CRM_ORIGIN}/api/data/v9.2/contacts?$select=contactid",
        {"Prefer": "odata.maxpagesize=5000"},
    )
    ids: list[str] = []
    while url and len(ids) < number:
        found = requests.get(url, headers={**headers, "Authorization": f"Bearer {token}"}, timeout=60).json()
        ids += [row["contactid"] for row in found["value"]]
        url = found.get("@odata.nextLink", "")

    def edit(part: int) -> None:
        with requests.Session() as session:
            session.trust_env = False
            for key in ids[:number][part::EDITING]:
                body = {
                    "contact": key,
                    "changes": {"jobtitle": f"Head of {key[:8]}", "telephone1": f"+47 {UUID(key).int % 10**8}"},
                }
                session.post(f"{settings.CRM_ORIGIN}/sandbox/outlook", json=body, timeout=60).raise_for_status()

    with ThreadPoolExecutor(EDITING) as pool:
        list(pool.map(edit, range(EDITING)))


def _capture(number: int) -> None:
    started = time.monotonic()
    _edit_all(number)
    line(f"{number:,} edits in Outlook, without limits", f"{time.monotonic() - started:.0f} s")
    _limit()
    _, read_seconds, asked = _read()
    jobs = CaptureJob.objects.filter(state=JobState.READY)
    line("until all are read", f"{read_seconds * _faster():.0f} s", f"{asked:,} requests, {jobs.count():,} jobs")
    jobs.update(due_at=Now())
    connection.close()
    with workers.running(WORKERS) as pool:
        started = time.monotonic()
        shifts = [pool.submit(workers.stage, time.time() + 2 * AN_HOUR / _faster()) for _ in range(WORKERS)]
        done = [shift.result() for shift in shifts]
        seconds = read_seconds + time.monotonic() - started
    _report(number, asked, seconds * _faster(), done)


def _report(number: int, asked: int, seconds: float, done: list[tuple[workers.Shift, float]]) -> None:
    answers = sum((shift.answers for shift, _ in done), Counter[str]())
    staged = CaptureEntry.objects.filter(source=Source.OUTLOOK, state=EntryState.STAGED).count()
    restored = Restore.objects.filter(result=RestoreResult.RESTORED).values("contact_id").distinct().count()
    line("edits staged, contacts restored", f"{staged:,}, {restored:,}", target(2 * number - staged - restored, 0))
    sent = asked + sum(answers.values())
    pages = math.ceil(number / contacts.PAGE_SIZE) + math.ceil(number / entry_lists.PAGE_SIZE)
    least = 2 * number + pages + math.ceil(number / details.BATCH_SIZE)
    line("requests", f"{sent:,}", f"{sent / least:.3f} x {least:,}: {target(sent / least, FACTOR)}")
    (used,) = stage.control("GET", settings.CRM_ORIGIN, "faults", {})["usage"].values()
    line("  answered 429", f"{answers['429']}", target(answers["429"] + used["refused"], 0))
    line("  the fullest window", f"{used['most']['requests']:,} requests, {used['most']['execution_seconds']:.0f} s")
    line("until all are staged, by the sandbox's clock", f"{seconds:.0f} s", target(seconds, AN_HOUR, unit=" s"))
    line("  the published limits allow", f"{sent / REQUESTS:.0f} s")
    own = sum(shift.processor for shift, _ in done) * 1000 / max(number, 1)
    line("  the workers' own processor time", f"{own:.1f} ms per edit")
    half, full = max(each for _, each in done), max(shift.peak for shift, _ in done)
    growth = full / half if half else 1.0
    line("  a worker's peak memory halfway and at the end", f"{half:.0f} MB, {full:.0f} MB", target(growth, 1.1))
