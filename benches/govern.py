"""How much of the CRM's published limits the governor uses, with one process and with four, and how often a 429 came.

The sandbox keeps the published limits with a clock that runs five times faster: 6,000 requests and 1,200 seconds of
execution in 60 seconds. Each worker calls without a pause from several threads for longer than that window.
"""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor

from benches import figures
from benches.stage import control
from syncapp.crm.auth import ClientCredentials, demo_session
from syncapp.crm.client import CrmClient
from syncapp.crm.errors import Throttled
from syncapp.crm.governor import GOVERNED, Governor, Lane, Limits
from syncapp.crm.redis_governor import RedisGovernor
from syncapp.crm.transport import Transport
from syncapp.sandbox.config import CLIENT_ID, CLIENT_SECRET, TENANT
from tests import servers

FASTER = 5
WINDOW = 300 / FASTER
SECONDS = WINDOW + 10
THREADS = 8
OPERATIONS = 20


def govern() -> None:
    """Single requests, which the number of requests limits, and batches, which the execution time limits."""
    with servers.valkey() as broker, servers.sandbox() as crm:
        control("POST", crm.url, "reset", {"users": 20, "contacts": 0, "pending": 0, "seed": 1})
        for processes in (1, 4):
            for kind, charge, limit in (("requests", 1.0, 6000.0), ("batches", OPERATIONS * 0.04, 1200.0)):
                control("DELETE", crm.url, "faults", {})  # the next limits begin with an empty window
                control("PUT", crm.url, "faults", {"time_scale": 1 / FASTER, "limits": {"requests": 6000}})
                _measure(kind, processes, (crm.url, broker.url), charge=charge, limit=limit)


def _measure(kind: str, processes: int, addresses: tuple[str, str], *, charge: float, limit: float) -> None:
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=spawned) as pool:
        account = f"{addresses[0]} {kind} {processes}"
        running = [pool.submit(work, kind, *addresses, account, THREADS // processes) for _ in range(processes)]
        results = [each.result() for each in running]
    answered = sorted(when for times, _ in results for when in times)
    figures.heading(f"governor: {kind}, {processes} worker process{'es' if processes > 1 else ''}")
    used = charge * _most_in_a_window(answered) / limit
    figures.line("used of the published limit in the fullest window", f"{used:.3f}", "target 0.9")
    figures.line("answered 429", str(sum(refused for _, refused in results)), "target 0")
    figures.line("calls answered", f"{len(answered):,}")


def work(kind: str, crm_url: str, redis_url: str, account: str, threads: int) -> tuple[list[float], int]:
    """Calls as often as the governor lets it; when each was answered, and how many 429 came."""
    governor = RedisGovernor(url=redis_url, account=account, limits=Limits().scaled(1 / FASTER))
    call = _caller(kind, _client(crm_url, governor))
    times: list[float] = []
    refused: list[int] = []
    until = time.time() + SECONDS
    workers = [threading.Thread(target=_keep_calling, args=(call, until, times, refused)) for _ in range(threads)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    return times, len(refused)


def _client(url: str, governor: Governor) -> CrmClient:
    authority = f"{url.replace('http://', 'https://')}/{TENANT}"
    tokens = ClientCredentials(
        authority=authority,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        scope=f"{url}/.default",
        session=demo_session(authority),
    )
    transport = Transport(origin=url, token_source=tokens, retries=0, governor=governor, lane=Lane.BULK)
    return CrmClient(transport=transport)


def _caller(kind: str, crm: CrmClient) -> Callable[[], object]:
    ourselves = crm.who_am_i().user_id
    if kind == "requests":
        return crm.who_am_i
    return lambda: crm.filters.of_many([ourselves] * OPERATIONS)


def _keep_calling(call: Callable[[], object], until: float, times: list[float], refused: list[int]) -> None:
    while time.time() < until:
        try:
            call()
            times.append(time.time())
        except Throttled as error:
            if error.code != GOVERNED:
                refused.append(1)


def _most_in_a_window(times: Sequence[float]) -> int:
    most = first = 0
    for last, when in enumerate(times):
        while times[first] <= when - WINDOW:
            first += 1
        most = max(most, last - first + 1)
    return most
