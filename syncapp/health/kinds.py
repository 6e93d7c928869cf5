"""The definition of each trouble with its texts, for the banner, mails, /healthz and docs/how-to/troubles.md.

To add a trouble: define its kind here, list it in KINDS, and detect it in `troubles.py: _find`.
Then `manage.py troubles` prints the section for docs/how-to/troubles.md.
"""

from __future__ import annotations

from syncapp.health import capture_kinds
from syncapp.health.kind import REFUSED, SEE_ANSWER, SLOW, WORKER_LOG, Kind
from syncapp.models import Breaker

_NOTHING_LOST = "Decisions are saved and written later."
# Symptoms of jobs that are not dispatched or not processed.
_STANDSTILL = frozenset({"pull", "inventory", "audit_log", "overdue"})
_NO_EDITS = frozenset({"pull", "first_reading", "reading"})
_NO_USERS = frozenset({"inventory"})
_NOT_READ = _NO_EDITS | _NO_USERS | capture_kinds.NO_AUDIT_LOG
_SERVICE_HEALTH = "Microsoft’s service health page"


def _title(name: Breaker.Name) -> str:
    return f"{name.label}."


DATABASE = Kind(
    "database",
    "The database does not answer.",
    "No page can be shown and nothing can be decided. Saved data is safe.",
    "Start PostgreSQL, or make it reachable again. All processes reconnect automatically.",
    "DATABASE_URL; PostgreSQL’s log, disk space and number of connections; the log of the web processes",
    blocks_pages=True,
)
MIGRATIONS = Kind(
    "migrations",
    "The database lacks migrations of this version.",
    f"New workers and schedulers wait for the migrations, and this instance cannot serve pages. {_NOTHING_LOST}",
    "Run “manage.py migrate”. Waiting processes then continue automatically.",
    "“manage.py check --deploy --database default” lists them; docs/how-to/upgrades.md",
    hides=_STANDSTILL | {"worker", "beat"},
    blocks_pages=True,
)
STATIC_FILES = Kind(
    "static_files",
    "Static files of this version were not collected.",
    "This instance cannot serve pages: they fail, or use the styles and scripts of another version.",
    "Run “manage.py collectstatic”, then restart the web processes.",
    "“manage.py check --deploy” lists them; STATIC_ROOT; docs/how-to/upgrades.md",
    is_mailed=False,
    blocks_pages=True,
)
REDIS = Kind(
    "redis",
    "Redis does not answer.",
    f"Workers get no tasks, so mails are late. The scheduler itself reads new edits in the meantime. {_NOTHING_LOST}",
    "Start Redis, or make it reachable again. Nothing is lost, even if Redis lost its data.",
    "REDIS_URL, Redis’s log, and the log of the scheduler (“Connection refused”, “Timeout”)",
    hides=_STANDSTILL | {"worker", "beat"},
    connection="Not writing",
)
BEAT = Kind(
    "beat",
    "The scheduler is not running.",
    f"Workers get no tasks, and new edits are not read. {_NOTHING_LOST}",
    "Start “celery -A portal beat”. Running two is safe.",
    "the service that runs the scheduler, and its log",
    hides=_STANDSTILL | {"worker"},
    connection="Not writing",
)
WORKER = Kind(
    "worker",
    "No background worker answers.",
    f"Redis and the scheduler work, but no worker takes tasks: nothing is read, mailed or dispatched. {_NOTHING_LOST}",
    "Start “celery -A portal worker --queues periodic”; if it is running, restart it.",
    f"the service that runs the workers, and {WORKER_LOG}",
    hides=_STANDSTILL,
    connection="Not writing",
)
SIGN_IN = Kind(
    Breaker.Name.SIGN_IN,
    _title(Breaker.Name.SIGN_IN),
    "No one can sign in for now. People who are signed in can continue.",
    "Check that the service is up and that this host can reach it. The portal retries automatically.",
    f"{_SERVICE_HEALTH}, CRM_AUTHORITY, the outgoing proxy and its certificates, and the log of the web processes",
)
TOKENS = Kind(
    "tokens",
    "The sign-in service issues no tokens for the CRM.",
    f"It does not answer the workers, so the CRM cannot be reached. Signing in may fail too. {_NOTHING_LOST}",
    "Check that the service is up and that the workers can reach it. The portal retries automatically.",
    f"{_SERVICE_HEALTH}, CRM_AUTHORITY, the outgoing proxy and its certificates, and {WORKER_LOG}",
    hides=_NOT_READ | {"sign_in"},
    affects_crm=True,
)
CRM_CREDENTIALS = Kind(
    Breaker.Name.CRM_CREDENTIALS,
    _title(Breaker.Name.CRM_CREDENTIALS),
    _NOTHING_LOST,
    "Check that the client secret or certificate has not expired, and that the application user exists in the CRM and "
    "is enabled.",
    "CRM_CLIENT_ID, CRM_CLIENT_SECRET, CRM_CLIENT_CERTIFICATE and CRM_TENANT; the app registration in Entra; the "
    "application user in the CRM; Settings, Connection shows when secrets and certificates expire",
    hides=_NOT_READ,
    affects_crm=True,
)
CRM_UNREACHABLE = Kind(
    Breaker.Name.CRM_UNREACHABLE,
    _title(Breaker.Name.CRM_UNREACHABLE),
    _NOTHING_LOST,
    "Check that the CRM is up and that the workers can reach it. The portal retries automatically.",
    f"{_SERVICE_HEALTH}, CRM_ORIGIN, the outgoing proxy, {WORKER_LOG}, and Settings, Connection, “Test connection”",
    hides=_NOT_READ,
    affects_crm=True,
)
CRM_THROTTLED = Kind(
    Breaker.Name.CRM_THROTTLED,
    _title(Breaker.Name.CRM_THROTTLED),
    _NOTHING_LOST,
    "Nothing: the portal continues after the pause. If this happens often, check which other programs use this CRM.",
    f"{WORKER_LOG} (429), and the CRM’s own API call analytics",
    hides=frozenset({"pull", "inventory"}),
    is_mailed=False,
    affects_crm=True,
)
FORBIDDEN_READ = Kind(
    Breaker.Name.FORBIDDEN_READ,
    _title(Breaker.Name.FORBIDDEN_READ),
    "New edits do not arrive. Decisions are still written.",
    "Allow the application user’s security role to read the staging tables and all contacts of the organization.",
    f"the application user’s security roles in the CRM, CRM_NAMES, and {WORKER_LOG}",
    hides=_NO_EDITS,
    affects_crm=True,
    connection=REFUSED,
)
FORBIDDEN_REVIEW = Kind(
    Breaker.Name.FORBIDDEN_REVIEW,
    _title(Breaker.Name.FORBIDDEN_REVIEW),
    _NOTHING_LOST,
    "Allow the application user’s security role to write contacts and the staging tables.",
    f"the application user’s security roles in the CRM, and {WORKER_LOG}",
    affects_crm=True,
    connection=REFUSED,
)
FORBIDDEN_FILTERS = Kind(
    Breaker.Name.FORBIDDEN_FILTERS,
    _title(Breaker.Name.FORBIDDEN_FILTERS),
    "Filters are neither read nor switched. Reviewing is not affected.",
    "Allow the application user’s security role to read and write other users’ filters.",
    f"the application user’s security roles in the CRM, and {WORKER_LOG}",
    hides=_NO_USERS,
    affects_crm=True,
    connection=REFUSED,
)
REFUSED_READ = Kind(
    Breaker.Name.REFUSED_READ,
    _title(Breaker.Name.REFUSED_READ),
    "New edits do not arrive. Decisions are still written, and filters are not affected.",
    "Check that the staging tables exist under the names in CRM_NAMES, have every column, and track changes. " + SLOW,
    f"{SEE_ANSWER}; CRM_NAMES; the staging tables in the CRM; “manage.py pull”",
    hides=_NO_EDITS,
    affects_crm=True,
    connection=REFUSED,
)
REFUSED_NAMES = Kind(
    Breaker.Name.REFUSED_NAMES,
    _title(Breaker.Name.REFUSED_NAMES),
    "Edits arrive, but without companies and the identity of new editors, so some cannot be decided.",
    f"Allow the application user’s security role to read users, and contacts of the whole organization. {SLOW}",
    f"{SEE_ANSWER}; the application user’s security roles in the CRM",
    affects_crm=True,
    connection=REFUSED,
)
REFUSED_LIVE = Kind(
    Breaker.Name.REFUSED_LIVE,
    _title(Breaker.Name.REFUSED_LIVE),
    "Pages show the values that were last read. Each value is still compared before it is written.",
    f"Allow the application user’s security role to read all contacts of the organization. {SLOW}",
    f"{SEE_ANSWER}; the application user’s security roles in the CRM",
    affects_crm=True,
    connection=REFUSED,
)
REFUSED_REVIEW = Kind(
    Breaker.Name.REFUSED_REVIEW,
    _title(Breaker.Name.REFUSED_REVIEW),
    _NOTHING_LOST,
    f"Check that the tables and columns named in the CRM’s answer exist in the CRM. {SLOW}",
    f"{SEE_ANSWER}; CRM_NAMES; the staging tables in the CRM",
    affects_crm=True,
    connection=REFUSED,
)
REFUSED_INVENTORY = Kind(
    Breaker.Name.REFUSED_INVENTORY,
    _title(Breaker.Name.REFUSED_INVENTORY),
    "Pages show users and filters as they were last read. Reviewing is not affected.",
    "Allow the application user’s security role to read users, teams, mailboxes, and other users’ filters. " + SLOW,
    f"{SEE_ANSWER}; the application user’s security roles in the CRM",
    hides=_NO_USERS,
    affects_crm=True,
    connection=REFUSED,
)
REFUSED_FILTERS = Kind(
    Breaker.Name.REFUSED_FILTERS,
    _title(Breaker.Name.REFUSED_FILTERS),
    "Runs wait. Reading filters and reviewing are not affected.",
    f"Allow the application user’s security role to write other users’ filters and mailboxes. {SLOW}",
    f"{SEE_ANSWER}; the application user’s security roles in the CRM; the run’s page",
    affects_crm=True,
    connection=REFUSED,
)
WRONG_ORGANIZATION = Kind(
    Breaker.Name.WRONG_ORGANIZATION,
    _title(Breaker.Name.WRONG_ORGANIZATION),
    f"Nothing is read from or written to that CRM. {_NOTHING_LOST}",
    "Set CRM_ORIGIN to the CRM that this database belongs to, or use a separate database for the other CRM.",
    "CRM_ORIGIN and DATABASE_URL; Settings, Connection shows the organization",
    hides=_NOT_READ,
    affects_crm=True,
)
OPERATOR_STOP = Kind(
    Breaker.Name.OPERATOR_STOP,
    _title(Breaker.Name.OPERATOR_STOP),
    _NOTHING_LOST,
    "Select “Resume” when the reason no longer applies.",
    "Settings, Connection",
    is_failure=False,
    connection="Writing stopped",
)
MAIL = Kind(
    Breaker.Name.SMTP,
    _title(Breaker.Name.SMTP),
    "Mails are saved and sent later. Everything else works.",
    "Check that the mail service accepts the portal’s account and sender. The portal retries automatically.",
    f"MAIL_BACKEND, MAIL_FROM, SMTP_… or GRAPH_…; Settings, Mails and backlog; {WORKER_LOG}",
    hides=frozenset({"overdue-message"}),
    is_mailed=False,  # no mail can be sent; see the banner and /healthz
)
PULL = Kind(
    "pull",
    "The CRM is not being read.",
    "New edits do not arrive.",
    "Find the reason in the log, or run “manage.py pull”, which reads immediately and prints the error.",
    f"{WORKER_LOG} (lines that begin with “pull”), and Settings, Connection",
    affects_crm=True,
)
INVENTORY = Kind(
    "inventory",
    "Users and filters are not being read.",
    "Pages show users and filters as they were last read. Reviewing is not affected.",
    "Find the reason in the log. The portal retries automatically.",
    f"{WORKER_LOG} (lines that begin with “inventory”)",
    affects_crm=True,
)
FIRST_READING = Kind(
    "first_reading",
    "The CRM is being read for the first time.",
    "Edits appear here as they are read.",
    "Nothing: this finishes automatically.",
    "Settings, Connection",
    is_mailed=False,
)
READING = Kind(
    "reading",
    "The CRM is being read from the beginning.",
    "Edits appear here as they are read.",
    "Nothing: this finishes automatically.",
    "Settings, Connection",
    is_mailed=False,
    is_failure=False,
)
OVERDUE = Kind(
    "overdue",
    "Jobs are overdue.",
    "Jobs of one kind have been due for too long, although workers answer.",
    "Check for errors. Both kinds of workers must run (“--queues periodic”, “--queues celery”). If they are busy, add "
    "workers.",
    f"{WORKER_LOG}; the key “overdue” of /healthz lists the kinds; for mails Settings, Mails and backlog",
)
READ_ONLY = Kind(
    "read_only",
    "Read-only: nothing is written to this CRM until an administrator enables it.",
    _NOTHING_LOST,
    "Check the connection, then enable writing.",
    "Settings, Connection, or “manage.py connection --enable review”",
    is_mailed=False,
    is_failure=False,
    connection="Read-only",
)
CLOCKS = Kind(
    "clocks",
    "The clocks of two hosts differ.",
    "Times on pages and in mails may be wrong, and signing in may fail. Jobs follow the database’s clock.",
    "Synchronize the clocks of all hosts with NTP.",
    "Settings, Connection, and the key “clock_seconds_ahead” of /healthz show the difference",
)
UNREADABLE = Kind(
    "unreadable",
    "Rows of the CRM cannot be read.",
    "These rows are skipped. All others arrive.",
    "Correct the rows in the CRM; the next read includes them.",
    "Settings, Connection lists them with the reasons",
    is_failure=False,
)
POLICY = Kind(
    "policy",
    "A policy stopped and needs a decision.",
    "It switches nothing until then.",
    "Open the policy and decide how it should continue.",
    "Filters, Policies",
    is_failure=False,
)
CREDENTIAL = Kind(
    "credential",
    "A client secret or certificate expires soon.",
    "After that day, the portal can neither read the CRM nor sign people in.",
    "Add a new one to the app registration in Entra, set it as the second (such as CRM_CLIENT_SECRET_2), and restart.",
    "Settings, Connection, and docs/how-to/connect.md (Renew a certificate or a secret)",
    is_failure=False,
)
FAILED = Kind(
    "failed",
    "Jobs failed with an unexpected error.",
    "Each failed job is listed with a “Retry” button; the others continue.",
    "Report the error together with the log lines, then select “Retry”.",
    f"{WORKER_LOG} (“unexpected error”)",
    is_failure=False,
)

# The order of the banner, the most serious first.
KINDS = (
    DATABASE,
    MIGRATIONS,
    STATIC_FILES,
    REDIS,
    BEAT,
    WORKER,
    WRONG_ORGANIZATION,
    CRM_CREDENTIALS,
    TOKENS,
    CRM_UNREACHABLE,
    CRM_THROTTLED,
    FORBIDDEN_READ,
    FORBIDDEN_REVIEW,
    capture_kinds.FORBIDDEN_AUDIT,
    capture_kinds.FORBIDDEN_CAPTURE,
    FORBIDDEN_FILTERS,
    REFUSED_READ,
    REFUSED_REVIEW,
    capture_kinds.REFUSED_AUDIT,
    capture_kinds.REFUSED_CAPTURE,
    REFUSED_INVENTORY,
    REFUSED_FILTERS,
    REFUSED_NAMES,
    REFUSED_LIVE,
    OPERATOR_STOP,
    SIGN_IN,
    MAIL,
    PULL,
    INVENTORY,
    capture_kinds.AUDIT_LOG,
    capture_kinds.CAPTURE_PAUSED,
    capture_kinds.CAPTURE_GAP,
    capture_kinds.CAPTURE_FAILED,
    FIRST_READING,
    READING,
    READ_ONLY,
    OVERDUE,
    CLOCKS,
    UNREADABLE,
    POLICY,
    CREDENTIAL,
    FAILED,
)
_KINDS_OF_BREAKERS = {kind.code: kind for kind in KINDS if kind.code in Breaker.Name.values}


def kind_of_breaker(name: str) -> Kind:
    """Return the kind of trouble for an open breaker, with a fallback for breakers from other releases."""
    return _KINDS_OF_BREAKERS.get(name) or Kind(name, f"Stopped: {name}.", _NOTHING_LOST, "", "Settings, Connection")
