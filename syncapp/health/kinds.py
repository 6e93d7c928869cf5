"""The definition of each trouble with every text about it, for banner, mail, /healthz and docs/troubles.md.

To add a trouble: define its kind here, list it in KINDS, and write the function that finds it in `troubles.py`.
Afterwards `manage.py troubles` prints the section for docs/troubles.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from syncapp.models import Breaker


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of trouble. `code` is stable: monitors and stored alerts know it.

    `hides` has the codes of troubles that follow from this one, so they are not told beside it. `top` is what the top
    of each page says of the connection meanwhile.
    """

    code: str
    title: str
    meaning: str
    remedy: str
    where: str
    hides: frozenset[str] = frozenset()
    is_mailed: bool = True
    is_illness: bool = True  # False: somebody wants it so, or nothing has to be done
    is_of_the_crm: bool = False
    stops_pages: bool = False  # this instance cannot serve people
    top: str = ""


_KEPT = "Decisions are kept and written later."
# What follows where nothing is dispatched, or nobody works on it.
_STANDSTILL = frozenset({"pull", "overdue"})
_NOT_READ = frozenset({"pull"})
_WORKER_LOG = "the log of the workers"
_SERVICE_HEALTH = "Microsoft’s service health page"


def _title(name: Breaker.Name) -> str:
    return f"{name.label}."


DATABASE = Kind(
    "database",
    "The database does not answer.",
    "No page can be shown and nothing can be decided. What was saved is kept.",
    "Start PostgreSQL, or make it reachable again. Every process reconnects by itself.",
    "DATABASE_URL, the log of PostgreSQL, its disk space and number of connections, and the log of the web processes",
    stops_pages=True,
)
MIGRATIONS = Kind(
    "migrations",
    "The database lacks migrations of this version.",
    f"Workers and scheduler that were started since wait for them, and this instance cannot serve people. {_KEPT}",
    "Run “manage.py migrate”. Whatever waits goes on by itself.",
    "“manage.py check --deploy --database default” names them; docs/upgrades.md",
    hides=_STANDSTILL | {"worker", "beat"},
    stops_pages=True,
)
STATIC_FILES = Kind(
    "static_files",
    "Static files of this version were not collected.",
    "This instance cannot serve people: pages are errors, or have the styles and scripts of another version.",
    "Run “manage.py collectstatic”, then restart the web processes.",
    "“manage.py check --deploy” names them; STATIC_ROOT; docs/upgrades.md",
    is_mailed=False,
    stops_pages=True,
)
REDIS = Kind(
    "redis",
    "Redis is away.",
    f"No worker is woken, so mails are late. The scheduler itself reads new edits meanwhile. {_KEPT}",
    "Start Redis, or make it reachable again. Nothing is lost, even if Redis lost its data.",
    "REDIS_URL, the log of Redis, and the log of the scheduler (“Connection refused”, “Timeout”)",
    hides=_STANDSTILL | {"worker", "beat"},
    top="Not writing",
)
BEAT = Kind(
    "beat",
    "The scheduler does not run.",
    f"No due work is given to the workers and no edit is read. {_KEPT}",
    "Start “celery -A portal beat”. Running two is safe.",
    "the service that runs the scheduler, and its log",
    hides=_STANDSTILL | {"worker"},
    top="Not writing",
)
WORKER = Kind(
    "worker",
    "No background worker answers.",
    f"Redis and the scheduler work, but no worker takes work: nothing is read, mailed or handed out. {_KEPT}",
    "Start “celery -A portal worker --queues periodic”, or restart it if it runs and stays silent.",
    f"the service that runs the workers, and {_WORKER_LOG}",
    hides=_STANDSTILL,
    top="Not writing",
)
SIGN_IN = Kind(
    Breaker.Name.SIGN_IN,
    _title(Breaker.Name.SIGN_IN),
    "No one can sign in for now; people who are signed in go on working.",
    "Look whether the service is in order, and whether this host reaches it. The portal tries again by itself.",
    f"{_SERVICE_HEALTH}, CRM_AUTHORITY, the outgoing proxy and its certificates, and the log of the web processes",
)
TOKENS = Kind(
    "tokens",
    "The sign-in service gives the portal no access to the CRM.",
    f"It does not answer the workers, so the CRM cannot be asked; people may be unable to sign in. {_KEPT}",
    "Look whether the service is in order, and whether the workers reach it. The portal tries again by itself.",
    f"{_SERVICE_HEALTH}, CRM_AUTHORITY, the outgoing proxy and its certificates, and {_WORKER_LOG}",
    hides=_NOT_READ | {"sign_in"},
    is_of_the_crm=True,
)
CRM_CREDENTIALS = Kind(
    Breaker.Name.CRM_CREDENTIALS,
    _title(Breaker.Name.CRM_CREDENTIALS),
    _KEPT,
    "Check that the client secret has not expired, and that the application user exists in the CRM and is enabled.",
    "CRM_CLIENT_ID, CRM_CLIENT_SECRET and CRM_TENANT; the app registration in Entra; the application user in the CRM",
    hides=_NOT_READ,
    is_of_the_crm=True,
)
CRM_UNREACHABLE = Kind(
    Breaker.Name.CRM_UNREACHABLE,
    _title(Breaker.Name.CRM_UNREACHABLE),
    _KEPT,
    "Look whether the CRM is in order, and whether the workers reach it. The portal tries again by itself.",
    f"{_SERVICE_HEALTH}, CRM_ORIGIN, the outgoing proxy, {_WORKER_LOG}, and Settings, Connection, “Ask CRM now”",
    hides=_NOT_READ,
    is_of_the_crm=True,
)
CRM_THROTTLED = Kind(
    Breaker.Name.CRM_THROTTLED,
    _title(Breaker.Name.CRM_THROTTLED),
    _KEPT,
    "Nothing: the portal goes on when the pause is over. If it comes often, look for other programs that use this CRM.",
    f"{_WORKER_LOG} (429), and the CRM’s own analytics of API calls",
    hides=_NOT_READ,
    is_mailed=False,
    is_of_the_crm=True,
)
FORBIDDEN_READ = Kind(
    Breaker.Name.FORBIDDEN_READ,
    _title(Breaker.Name.FORBIDDEN_READ),
    "Newer edits are missing here. Decisions are written.",
    "Let the application user’s security role read the staging tables and contacts of the whole organization.",
    f"the application user’s security roles in the CRM, CRM_NAMES, and {_WORKER_LOG}",
    hides=_NOT_READ,
    is_of_the_crm=True,
)
FORBIDDEN_REVIEW = Kind(
    Breaker.Name.FORBIDDEN_REVIEW,
    _title(Breaker.Name.FORBIDDEN_REVIEW),
    _KEPT,
    "Let the application user’s security role write contacts and the staging tables.",
    f"the application user’s security roles in the CRM, and {_WORKER_LOG}",
    is_of_the_crm=True,
)
FORBIDDEN_FILTERS = Kind(
    Breaker.Name.FORBIDDEN_FILTERS,
    _title(Breaker.Name.FORBIDDEN_FILTERS),
    "Filters are neither read nor switched. Reviewing goes on.",
    "Let the application user’s security role read and write other users’ filters.",
    f"the application user’s security roles in the CRM, and {_WORKER_LOG}",
    is_of_the_crm=True,
)
WRONG_ORGANIZATION = Kind(
    Breaker.Name.WRONG_ORGANIZATION,
    _title(Breaker.Name.WRONG_ORGANIZATION),
    f"Nothing is read from it or written to it. {_KEPT}",
    "Set CRM_ORIGIN to the CRM that this database belongs to, or give the other CRM a database of its own.",
    "CRM_ORIGIN and DATABASE_URL; Settings, Connection names the organization",
    hides=_NOT_READ,
    is_of_the_crm=True,
)
OPERATOR_STOP = Kind(
    Breaker.Name.OPERATOR_STOP,
    _title(Breaker.Name.OPERATOR_STOP),
    _KEPT,
    "Choose “Resume” when the reason no longer holds.",
    "Settings, Connection",
    is_illness=False,
    top="Writing stopped",
)
MAIL = Kind(
    Breaker.Name.SMTP,
    _title(Breaker.Name.SMTP),
    "Mails are kept and sent later; everything else works.",
    "Look whether the mail service accepts the portal’s account and sender. The portal tries again by itself.",
    f"MAIL_BACKEND, MAIL_FROM, SMTP_… or GRAPH_…; Settings, Mails and backlog; {_WORKER_LOG}",
    hides=frozenset({"overdue-message"}),
    is_mailed=False,  # no mail can leave; the banner and /healthz tell it
)
PULL = Kind(
    "pull",
    "The CRM is not being read.",
    "Newer edits are missing here.",
    "Look for the reason in the log; “manage.py pull” reads at once and says what goes wrong.",
    f"{_WORKER_LOG} (lines that begin with “pull”), and Settings, Connection",
    is_of_the_crm=True,
)
FIRST_READING = Kind(
    "first_reading",
    "The CRM is being read for the first time.",
    "Edits appear here as they are read.",
    "Nothing: it ends by itself.",
    "Settings, Connection",
    is_mailed=False,
)
READING = Kind(
    "reading",
    "The CRM is being read from the beginning.",
    "Edits appear here as they are read.",
    "Nothing: it ends by itself.",
    "Settings, Connection",
    is_mailed=False,
    is_illness=False,
)
OVERDUE = Kind(
    "overdue",
    "Work is behind.",
    "Jobs of this kind have been due for too long, although workers answer.",
    "Look for errors. Both kinds of workers must run (“--queues periodic”, “--queues celery”); add more if busy.",
    f"{_WORKER_LOG}; the key “overdue” of /healthz names the kinds; for mails Settings, Mails and backlog",
)
READ_ONLY = Kind(
    "read_only",
    "Read only: nothing is written to this CRM until an administrator enables it.",
    _KEPT,
    "Enable writing when the connection has been checked.",
    "Settings, Connection, or “manage.py connection --enable review”",
    is_mailed=False,
    is_illness=False,
    top="Read only",
)
CLOCKS = Kind(
    "clocks",
    "The clocks of two hosts differ.",
    "Times here and in mails may be wrong, and signing in may fail. Work is done at the database’s time.",
    "Let NTP set the clocks of all hosts.",
    "Settings, Connection, and the key “clock_seconds_ahead” of /healthz, which name the difference",
)
UNREADABLE = Kind(
    "unreadable",
    "Rows of the CRM cannot be read.",
    "They were set aside. Everything else arrives.",
    "Correct the rows in the CRM; the next reading takes them in.",
    "Settings, Connection lists them with the reason",
    is_illness=False,
)
POLICY = Kind(
    "policy",
    "A policy has stopped itself.",
    "It switches nothing until someone answers.",
    "Open the policy and answer its question.",
    "Filters, Policies",
    is_illness=False,
)
FAILED = Kind(
    "failed",
    "Jobs failed by an unexpected error.",
    "Each failed job is shown with “Retry”; the others go on.",
    "Report the error with the lines of the log, then choose “Retry”.",
    f"{_WORKER_LOG} (“unexpected error”)",
    is_illness=False,
)

# The gravest first: the order of the banner.
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
    FORBIDDEN_FILTERS,
    OPERATOR_STOP,
    SIGN_IN,
    MAIL,
    PULL,
    FIRST_READING,
    READING,
    READ_ONLY,
    OVERDUE,
    CLOCKS,
    UNREADABLE,
    POLICY,
    FAILED,
)
OF_BREAKERS = {kind.code: kind for kind in KINDS if kind.code in Breaker.Name.values}


def of_breaker(name: str) -> Kind:
    """Return the kind of trouble that an open breaker is, also of one that only another release knows."""
    return OF_BREAKERS.get(name) or Kind(name, f"Stopped: {name}.", _KEPT, "", "Settings, Connection")
