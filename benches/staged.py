"""Each benchmark with the databases and servers that it needs; `child` measures in a child process."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from benches import stage
from benches.load import main as load
from benches.rate_limit import rate_limit
from benches.sandbox import main as sandbox_at_full_size
from tests.support import servers

Kinds = Sequence[str]
MACHINE_RUNS = 2_000
CRASH_ROUNDS = 25
EDITS = 65_000  # about 100,000 fields
CAPTURED = {"CAPTURE_EDITS": "10000", "CAPTURE_IMPORTED": "20000"}
CONTACTS = EDITS + 1_000  # nearly every edit has its own contact, so superseding is not measured


def mirror(kinds: Kinds) -> None:
    """Measure the mirror, with one sandbox for both databases."""
    with stage.sandbox(contacts=CONTACTS, pending=EDITS) as crm:
        for kind in kinds:
            with stage.database(kind) as database:
                stage.measure("mirror", environment={**database, **crm})


def queue(kinds: Kinds) -> None:
    """Measure the queue, without a CRM or a broker."""
    for kind in kinds:
        with stage.database(kind) as environment:
            stage.measure("queue", environment=environment)


def audit(kinds: Kinds) -> None:
    """Measure the activity page, without a CRM or a broker."""
    for kind in kinds:
        with stage.database(kind) as environment:
            stage.measure("audit", environment=environment)


def deliver(kinds: Kinds) -> None:
    """Measure deliveries, with a new sandbox for each database; decisions are due at once.

    The CRM's published limits are lifted, because they would allow only 18 requests, and so 9 deliveries, per second.
    """
    times = {"UNDO_SECONDS": "0", "RATE_LIMIT_TIME_SCALE": "0.01"}
    for kind in kinds:
        with stage.sandbox(users=20, contacts=600, pending=600) as crm, stage.database(kind) as database:
            stage.measure("deliver", environment={**database, **crm, **times})


def filters(kinds: Kinds) -> None:
    """Measure filter runs of 20,000 users with four filters each, with the limits on a faster clock.

    FILTER_USERS and FILTER_FASTER change the size and the clock. The database is the last one of `kinds`.
    """
    users, faster = int(os.environ.get("FILTER_USERS", "20000")), float(os.environ.get("FILTER_FASTER", "4"))
    with (
        servers.valkey() as broker,
        stage.sandbox(users=users, contacts=0, pending=0, filters=4) as crm,
        stage.database(kinds[-1]) as database,
    ):
        limits = {
            "RATE_LIMIT_URL": broker.url,
            "RATE_LIMIT_TIME_SCALE": str(1 / faster),
            "SECOND_PERSON_ABOVE": "1000000",
        }
        stage.measure("filters", environment={**database, **crm, **limits})


def previews(kinds: Kinds) -> None:
    """Measure the pages of a run of 20,008 users, without a CRM or a broker. BENCH_USERS changes the size."""
    for kind in kinds:
        with stage.database(kind) as environment:
            stage.measure("previews", environment=environment)


def capture(kinds: Kinds) -> None:
    """Measure capture: 10,000 edits in Outlook, and an import of 20,000 contacts, within the CRM's limits.

    CAPTURE_EDITS, CAPTURE_IMPORTED and CAPTURE_FASTER change the sizes and the clock. The database is the last one of
    `kinds`.
    """
    edits, imported = (os.environ.get(name, size) for name, size in CAPTURED.items())
    contacts, faster = max(int(edits), int(imported)), float(os.environ.get("CAPTURE_FASTER", "2"))
    with (
        servers.valkey() as broker,
        stage.sandbox(users=20, contacts=contacts, pending=0) as crm,
        stage.database(kinds[-1]) as database,
    ):
        more = {"RATE_LIMIT_URL": broker.url, "RATE_LIMIT_TIME_SCALE": str(1 / faster), "CAPTURE": "audit"}
        sizes = {"CAPTURE_EDITS": edits, "CAPTURE_IMPORTED": imported, "CRM_DAILY_ALLOWANCE": "1000000"}
        stage.measure("capture", environment={**database, **crm, **more, **sizes})


def decide(kinds: Kinds) -> None:
    """Measure decisions while Redis and the CRM refuse connections, then while they never answer."""
    for kind in kinds:
        for state, address in stage.silent_addresses():
            with stage.database(kind) as database, address as port:
                redis = f"redis://127.0.0.1:{port}/0"
                away = {"SANDBOX_PORT": port, "REDIS_URL": redis, "RATE_LIMIT_URL": redis, "BENCH_STATE": state}
                stage.measure("decide", environment={**database, **away})


def machine(kinds: Kinds) -> None:
    """Run the state machine in two processes with seeds of its own, and with every seeded bug, on SQLite."""
    longer = {"MACHINE_RUNS": str(MACHINE_RUNS), "MACHINE_STEPS": "25", "MACHINE_SEED": "100", "MACHINE_BUGS": "all"}
    stage.run_tests(f"state machine, {MACHINE_RUNS:,} runs", ["tests/machine", "-m", "not journey", "-n", "2"], longer)


def keyboard() -> None:
    """Decide a hundred mixed edits by keyboard in Chromium, and compare them with the sandbox's ledger."""
    which = ["tests/browser/test_keyboard.py", "-m", "browser", "-k", "many", "-n", "0", "--durations=1"]
    stage.run_tests("a hundred edits by keyboard", which, {"KEYBOARD_EDITS": "100"})


def crash(kinds: Kinds) -> None:
    """Run the kill tests with more rounds than the test suite does."""
    lanes = [{"sqlite": "kills", "postgresql": "kills-postgres"}[kind] for kind in kinds]
    stage.run_lanes(f"kills, {CRASH_ROUNDS} rounds", lanes, {"JOURNEY_ROUNDS": str(CRASH_ROUNDS)})


BENCHES: Mapping[str, Callable[[Kinds], None]] = {
    "mirror": mirror,
    "queue": queue,
    "audit": audit,
    "deliver": deliver,
    "capture": capture,
    "decide": decide,
    "filters": filters,
    "previews": previews,
    "rate_limit": lambda kinds: rate_limit(),
    "load": lambda kinds: load(),
    "machine": machine,
    "keyboard": lambda kinds: keyboard(),
    "crash": crash,
    "sandbox": lambda kinds: sandbox_at_full_size(),
}
ONLY_BY_NAME = ("capture", "crash", "keyboard", "load")
