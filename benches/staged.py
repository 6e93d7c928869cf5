"""What each bench needs around it. The measuring itself runs in a child process, see `child`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from benches import stage
from benches.govern import govern
from benches.sandbox import main as sandbox_at_full_size
from tests.support import servers

Kinds = Sequence[str]
MACHINE_RUNS = 2_000
CRASH_ROUNDS = 25
EDITS = 65_000  # about 100,000 fields
CONTACTS = EDITS + 1_000  # nearly every edit has a contact of its own: superseding is not what is measured


def mirror(kinds: Kinds) -> None:
    """One sandbox for both databases."""
    with stage.sandbox(contacts=CONTACTS, pending=EDITS) as crm:
        for kind in kinds:
            with stage.database(kind) as database:
                stage.measure("mirror", environment={**database, **crm})


def queue(kinds: Kinds) -> None:
    """No CRM, no broker."""
    for kind in kinds:
        with stage.database(kind) as environment:
            stage.measure("queue", environment=environment)


def trail(kinds: Kinds) -> None:
    """No CRM, no broker."""
    for kind in kinds:
        with stage.database(kind) as environment:
            stage.measure("trail", environment=environment)


def deliver(kinds: Kinds) -> None:
    """Each database with a sandbox whose edits nobody has written yet; decisions are due at once.

    The CRM's published limits are lifted: they would allow 18 requests a second, so 9 deliveries.
    """
    times = {"UNDO_SECONDS": "0", "RATE_LIMIT_TIME_SCALE": "0.01"}
    for kind in kinds:
        with stage.sandbox(users=20, contacts=600, pending=600) as crm, stage.database(kind) as database:
            stage.measure("deliver", environment={**database, **crm, **times})


def filters(kinds: Kinds) -> None:
    """Twenty thousand users with four filters each, the CRM's limits with a quicker clock; one database, PostgreSQL.

    FILTER_USERS and FILTER_FASTER change the size and the clock.
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


def decide(kinds: Kinds) -> None:
    """Redis and the CRM refusing every connection and then taking it and never answering."""
    for kind in kinds:
        for state, address in stage.silent_addresses():
            with stage.database(kind) as database, address as port:
                redis = f"redis://127.0.0.1:{port}/0"
                away = {"SANDBOX_PORT": port, "REDIS_URL": redis, "RATE_LIMIT_URL": redis, "BENCH_STATE": state}
                stage.measure("decide", environment={**database, **away})


def machine(kinds: Kinds) -> None:
    """The state machine's long run on both cores, with seeds of its own, and every seeded bug; SQLite."""
    longer = {"MACHINE_RUNS": str(MACHINE_RUNS), "MACHINE_STEPS": "25", "MACHINE_SEED": "100", "MACHINE_BUGS": "all"}
    stage.run_tests(f"state machine, {MACHINE_RUNS:,} runs", ["tests/machine", "-m", "not journey", "-n", "2"], longer)


def keyboard() -> None:
    """A hundred mixed edits decided with the keyboard alone, in Chromium; the ledger must agree."""
    which = ["tests/browser/test_keyboard.py", "-m", "browser", "-k", "many", "-n", "0", "--durations=1"]
    stage.run_tests("a hundred edits by keyboard", which, {"KEYBOARD_EDITS": "100"})


def crash(kinds: Kinds) -> None:
    """The kills of the journeys, more often than every test run does."""
    lanes = [{"sqlite": "journeys", "postgresql": "journeys-postgres"}[kind] for kind in kinds]
    stage.run_lanes(f"kills, {CRASH_ROUNDS} rounds", lanes, {"JOURNEY_ROUNDS": str(CRASH_ROUNDS)})


BENCHES: Mapping[str, Callable[[Kinds], None]] = {
    "mirror": mirror,
    "queue": queue,
    "trail": trail,
    "deliver": deliver,
    "decide": decide,
    "filters": filters,
    "govern": lambda kinds: govern(),
    "machine": machine,
    "keyboard": lambda kinds: keyboard(),
    "crash": crash,
    "sandbox": lambda kinds: sandbox_at_full_size(),
}
ONLY_BY_NAME = ("crash", "keyboard")
