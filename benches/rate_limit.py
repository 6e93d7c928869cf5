"""The share of the CRM's limits that the rate limiter uses, with one process and with four, and the number of 429s.

The sandbox enforces the published limits on a clock that runs five times faster: 6,000 requests and 1,200 seconds of
execution in 60 seconds. Each worker calls without pauses from several threads, for longer than that window. The sandbox
reports its fullest window, the most concurrent calls, and its refusals. RATE_LIMIT_FASTER changes the clock, for a
slower machine or a shorter run.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress

from benches import figures
from benches.stage import control
from dataverse_sandbox.config import CLIENT_ID, CLIENT_SECRET, TENANT
from syncapp.crm.auth.sign_in import ClientCredentials, demo_session
from syncapp.crm.client import CrmClient
from syncapp.crm.errors import Throttled
from syncapp.crm.rate_limit.limiter import Lane, Limits, RateLimiter
from syncapp.crm.rate_limit.shared import SharedLimiter
from syncapp.crm.transport import Transport
from tests.support import servers

FASTER = float(os.environ.get("RATE_LIMIT_FASTER", "5"))
# The share of the limits that the rate limiter uses; a busy machine with two cores may miss it by a hundredth.
REACHED = 0.9
WINDOW = 300 / FASTER
SECONDS = WINDOW + 10
THREADS = 8
OPERATIONS = 20


def rate_limit() -> None:
    """Measure single requests, limited by number, and batches, limited by execution time."""
    with servers.valkey() as broker, servers.sandbox() as crm:
        control("POST", crm.url, "reset", {"users": 20, "contacts": 0, "pending": 0, "seed": 1})
        for processes in (1, 4):
            for kind, limit in (("requests", 6000), ("execution_seconds", 1200)):
                control("DELETE", crm.url, "faults", {})  # the next limits begin with an empty window
                control("PUT", crm.url, "faults", {"time_scale": 1 / FASTER, "limits": {kind: limit}})
                _measure(kind, processes, (crm.url, broker.url), limit=limit)


def _measure(kind: str, processes: int, addresses: tuple[str, str], *, limit: int) -> None:
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=spawned) as pool:
        account = f"{addresses[0]} {kind} {processes}"
        running = [pool.submit(work, kind, *addresses, account, THREADS // processes) for _ in range(processes)]
        answered = sum(each.result() for each in running)
    (usage,) = control("GET", addresses[0], "faults", {})["usage"].values()
    used = usage["most"][kind] / limit
    figures.heading(f"rate limiter: {kind}, {processes} worker process{'es' if processes > 1 else ''}")
    figures.line("share of the limit used in the fullest window", f"{used:.3f}", figures.at_least(used, REACHED))
    figures.line("refused by the CRM (429)", str(usage["refused"]), figures.target(usage["refused"], 0))
    figures.line("most concurrent calls", str(usage["most"]["at_once"]), figures.target(usage["most"]["at_once"], 40))
    figures.line("calls answered", f"{answered:,}")


def work(kind: str, crm_url: str, redis_url: str, account: str, threads: int) -> int:
    """Call as often as the rate limiter allows; return how many calls were answered."""
    rate_limiter = SharedLimiter(url=redis_url, account=account, limits=Limits().scaled(1 / FASTER))
    call = _caller(kind, _client(crm_url, rate_limiter))
    until = time.time() + SECONDS
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(lambda _: _keep_calling(call, until), range(threads)))


def _client(url: str, rate_limiter: RateLimiter) -> CrmClient:
    authority = f"{url.replace('http://', 'https://')}/{TENANT}"
    tokens = ClientCredentials(
        authority=authority,
        client_id=CLIENT_ID,
        credentials=[CLIENT_SECRET],
        scope=f"{url}/.default",
        session=demo_session(authority),
    )
    transport = Transport(origin=url, token_source=tokens, retries=0, rate_limiter=rate_limiter, lane=Lane.BULK)
    return CrmClient(transport=transport)


def _caller(kind: str, crm: CrmClient) -> Callable[[], object]:
    ourselves = crm.who_am_i().user_id
    if kind == "requests":
        return crm.who_am_i
    return lambda: crm.filters.of_owners([ourselves] * OPERATIONS)


def _keep_calling(call: Callable[[], object], until: float) -> int:
    answered = 0
    while time.time() < until:
        with suppress(Throttled):  # the sandbox counts the CRM's refusals
            call()
            answered += 1
    return answered
