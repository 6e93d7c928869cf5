"""The lanes of the test suite: which tests run together, on which database, in every run or only by name."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.interop import environments
from tests.support import chromium, system_packages
from tools.slow_tests import SLOW_TESTS

# These run on both databases; the client, the sandbox and most pages run on SQLite only.
PAGES_ON_BOTH = (
    "activity/test_activity",
    "base/test_null_characters",
    "filters/test_matrix",
    "review/test_queue",
    "review/test_queue_filters",
)
ON_BOTH = [
    *("tests/activity", "tests/connection", "tests/health", "tests/jobs", "tests/mirror", "tests/models"),
    *("tests/notifications", "tests/outbox", "tests/portal", "tests/review", "tests/sync_filters"),
    *(f"tests/web/{page}.py" for page in PAGES_ON_BOTH),
    *("tests/test_preferences.py", "tests/migrations/test_previous_release.py"),
]
# Refusals by the CRM, settings, how often the CRM is read, and parsing do not depend on the database.
NOT_ABOUT_DATABASES = (
    "tests/health/test_refusals.py",
    "tests/notifications/test_mail_headers.py",
    "tests/portal/test_demo_start.py",
    "tests/portal/test_idle_day.py",
    "tests/portal/test_startup.py",
    "tests/review/diff",
    "tests/sync_filters/fetch_words",
    "tests/sync_filters/on_premises",
    "tests/sync_filters/test_pasted_people.py",
)
# Every state of an edit, and axe on every page in every color scheme: these take too long for every change.
LONG_IN_A_BROWSER = [
    f"tests/browser/test_{name}.py"
    for name in (
        *("activity", "capture", "film", "filters", "link_pages", "more_states", "policies"),
        *("queue", "run_pages", "sandbox_pages", "settings", "states"),
    )
]
# Some tests in these files are marked as long.
PARTLY_LONG_IN_A_BROWSER = [
    f"tests/browser/test_{name}.py"
    for name in ("keyboard", "keys_and_panels", "mail", "review", "review_keys", "typing")
]
# Two thousand users and the limits of a real CRM; mailbox methods.
LONG_JOURNEYS = [f"tests/journeys/test_{name}.py" for name in ("many_filter_runs", "mailbox_runs")]
# On SQLite in every run; on PostgreSQL only in a long lane, like filter runs of thousands of users.
ON_SQLITE_IN_SHORT = [
    f"tests/journeys/test_{name}.py" for name in ("breakers", "filter_runs", "mails_and_rules", "web_process")
]
# Locks and lost processes: on PostgreSQL, as in production, in every run; on SQLite only in a long lane.
ON_POSTGRES_IN_SHORT = [
    f"tests/journeys/test_{name}.py" for name in ("answers", "broker", "guards", "kills", "restore", "run_lists")
]
DEMO_JOURNEY = "tests/journeys/test_demo.py"  # the demo brings its own database

SPREAD = ["--dist", "worksteal"]
JOURNEYS = ["-m", "journey and not long", "tests/journeys"]
# Tables are created from the models. Migrations run in tests/migrations and in the journeys, on both databases.
AS_MODELLED = "--nomigrations"
IN_A_BROWSER = ["--dist", "loadfile", AS_MODELLED]


@dataclass(frozen=True, slots=True)
class Lane:
    """One run of pytest.

    `postgres` starts a server, to which DATABASE_URL points. `environment` is added to that of the processes. `beside`
    is the lane that runs at the same time, if both run. `only_by_name` lanes run only when they are named. `needs`
    tries to install a requirement and returns what is missing. Then the lane is skipped: all of it, or a part.
    """

    name: str
    what: str
    arguments: Sequence[str]
    postgres: bool = False
    needs: Callable[[], str] = lambda: ""
    all_of_it: bool = True
    only_by_name: bool = False
    beside: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


def lanes() -> list[Lane]:
    """Return all lanes, the quick ones first."""
    return [*_without_processes(), *_with_processes(), *_only_by_name()]


def _without_processes() -> list[Lane]:
    return [
        Lane("unit", "everything without processes, SQLite", ["-m", "not long", *_apart(), *SPREAD, AS_MODELLED]),
        Lane(
            "quick",
            "the unit lane without its slow files",
            ["-m", "not long", *_apart(), *_ignored(SLOW_TESTS), *SPREAD, AS_MODELLED],
            only_by_name=True,
        ),
        Lane(
            "unit-postgres",
            "what touches the database, PostgreSQL",
            ["-m", "not long", *ON_BOTH, *_ignored(NOT_ABOUT_DATABASES), *SPREAD, AS_MODELLED],
            postgres=True,
        ),
        Lane("machine", "the state machine, SQLite", ["tests/machine", AS_MODELLED]),
    ]


def _apart() -> list[str]:
    """Return the options that leave out tests that have their own lanes."""
    return _ignored(
        f"tests/{folder}" for folder in ("machine", "interop", "journeys", "faults", "browser", "deployment")
    )


def _with_processes() -> list[Lane]:
    short = [*JOURNEYS, *_ignored(LONG_JOURNEYS), *SPREAD]
    on_postgres = [*short, *_ignored([DEMO_JOURNEY, *ON_SQLITE_IN_SHORT])]
    once = {"JOURNEY_ROUNDS": "1"}
    return [
        Lane(
            "journeys",
            "complete workflows with real processes, SQLite",
            [*short, *_ignored(ON_POSTGRES_IN_SHORT)],
            environment=once,
        ),
        Lane(
            "journeys-postgres",
            "complete workflows with real processes, every kill, PostgreSQL",
            on_postgres,
            postgres=True,
            environment=once,
        ),
        Lane(
            "interop",
            "third-party clients against the sandbox",
            ["tests/interop", "--dist", "loadfile"],
            needs=environments.missing,
            all_of_it=False,
        ),
        Lane(
            "browser",
            "a real Chromium",
            # One process, and so one demo, is fast enough beside the unit lane.
            ["-n", "1", "-m", "browser and not long", *IN_A_BROWSER, "tests/browser", *_ignored(LONG_IN_A_BROWSER)],
            needs=_chromium,
            beside="unit",  # a browser mostly waits; if it is missing, it is installed meanwhile
            environment={"DEMO_USERS": "40"},  # reading a whole company's filters slows every test
        ),
    ]


def _only_by_name() -> list[Lane]:
    return [
        Lane(
            "unit-long",
            "the long unit tests, with a thousand examples",
            ["-m", "long", *_apart(), *SPREAD, AS_MODELLED],
            only_by_name=True,
        ),
        Lane(
            "machine-long",
            "a thousand runs of the state machine and every seeded bug, SQLite",
            ["tests/machine", AS_MODELLED],
            environment={"MACHINE_RUNS": "1000", "MACHINE_BUGS": "all"},
            only_by_name=True,
        ),
        Lane(
            "migrations-postgres",
            "every migration forward and back, interrupted anywhere, PostgreSQL",
            ["-m", "long", "tests/migrations", *SPREAD, AS_MODELLED],
            postgres=True,
            only_by_name=True,
        ),
        *_long_journeys(),
        *_faults(),
        Lane(
            "deployment",
            "the processes of deploy/ with production settings, behind nginx and over TLS",
            ["tests/deployment", "-n", "0"],
            needs=lambda: _chromium() or _nginx(),
            only_by_name=True,
        ),
        Lane(
            "browser-long",
            "every state and color scheme in a real Chromium, a hundred edits by keys",
            ["-m", "browser", *IN_A_BROWSER, *LONG_IN_A_BROWSER, *PARTLY_LONG_IN_A_BROWSER],
            environment={"KEYBOARD_EDITS": "100"},
            needs=_chromium,
            only_by_name=True,
        ),
    ]


def _long_journeys() -> list[Lane]:
    on_postgres = ["-m", "journey", *LONG_JOURNEYS, *ON_SQLITE_IN_SHORT, DEMO_JOURNEY]
    kills = ["-m", "journey", "tests/journeys/test_kills.py", "tests/journeys/test_capture_kills.py", *SPREAD]
    five = {"JOURNEY_ROUNDS": "5"}
    return [
        Lane(
            "journeys-long",
            "filter runs of thousands of users, and journeys that otherwise run only on SQLite, PostgreSQL",
            on_postgres,
            postgres=True,
            only_by_name=True,
        ),
        Lane(
            "kills",
            "every kill five times, lost answers, guards and restores, SQLite",
            ["-m", "journey", *ON_POSTGRES_IN_SHORT, *SPREAD],
            environment=five,
            only_by_name=True,
        ),
        Lane(
            "kills-postgres",
            "every kill five times, PostgreSQL",
            kills,
            environment=five,
            postgres=True,
            only_by_name=True,
        ),
    ]


def _faults() -> list[Lane]:
    paths = ["tests/faults", "--dist", "loadfile"]
    return [
        Lane(
            "faults",
            "cut, silent and refused connections, killed processes, wrong clocks, a full disk, SQLite",
            paths,
            needs=_faketime,
            all_of_it=False,
            only_by_name=True,
        ),
        Lane(
            "faults-postgres",
            "cut, silent and refused connections, killed processes, wrong clocks, PostgreSQL",
            paths,
            postgres=True,
            needs=_faketime,
            all_of_it=False,
            only_by_name=True,
        ),
    ]


def _ignored(paths: Iterable[str]) -> list[str]:
    return [f"--ignore={path}" for path in paths]


def _chromium() -> str:
    if chromium.find() or chromium.install():
        return ""
    return "no Chromium, and it cannot be installed here; install it or set CHROMIUM"


def _faketime() -> str:
    if shutil.which("faketime") or system_packages.install("faketime"):
        return ""
    return "no faketime to shift clocks, and it cannot be installed here"


def _nginx() -> str:
    if shutil.which("nginx") or system_packages.install("nginx-light"):
        return ""
    return "no nginx, and it cannot be installed here"
