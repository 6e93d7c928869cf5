"""All settings, read from environment variables, which docs/reference/configuration.md lists.

The defaults are for the demo. System checks report misconfiguration, with ids and hints (syncapp/checks/settings.py).
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

from portal import env

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION: str = tomllib.loads((BASE_DIR / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

# --- Installation -------------------------------------------------------------------------------------
DEMO = env.flag("DEMO", default=True)
DEMO_DIR = env.path("DEMO_DIR", BASE_DIR / ".demo")
PORTAL_PORT = env.port("PORTAL_PORT", 8000)
SANDBOX_PORT = env.port("SANDBOX_PORT", 8001)
DEMO_USERS = env.whole_number("DEMO_USERS", 500, minimum=0, maximum=100_000)
BASE_URL = env.text("BASE_URL", f"http://127.0.0.1:{PORTAL_PORT}" if DEMO else "").rstrip("/")
ENVIRONMENT_NAME = env.text("ENVIRONMENT_NAME", "Demo" if DEMO else "Production")

DEBUG = env.flag("DEBUG", default=False)
SECRET_KEY = env.text("SECRET_KEY", "demo-only-key-the-checks-refuse-it-anywhere-else-0123456789" if DEMO else "")
SECRET_KEY_FALLBACKS = env.items("SECRET_KEY_FALLBACKS")
AUDIT_KEY = env.text("AUDIT_KEY", SECRET_KEY)
ALLOWED_HOSTS = env.items("ALLOWED_HOSTS", ("127.0.0.1", "localhost") if DEMO else ())
CSRF_TRUSTED_ORIGINS = [BASE_URL] if BASE_URL else []

# --- Application --------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "csp",
    "syncapp",
]
MIDDLEWARE = [
    "syncapp.web.base.request_ids.RequestIds",
    "syncapp.web.base.metrics.MeasurePages",
    "syncapp.web.sign_in.demo_guard.DemoGuard",
    "django.middleware.security.SecurityMiddleware",
    # Safe from BREACH: responses get a random length ("Heal The Breach"), and CSRF tokens are masked for each page.
    "django.middleware.gzip.GZipMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "syncapp.web.base.database_restarts.WaitForDatabase",
    "syncapp.web.base.health.AcceptProbes",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "syncapp.web.sign_in.session_limits.SessionLimits",
    "syncapp.web.base.page.LocalTime",
    "syncapp.web.base.uses.NoteUses",
    "syncapp.web.base.null_characters.RefuseNullCharacters",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
AUTH_USER_MODEL = "syncapp.Person"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "syncapp.web.base.page.page_context",
            ]
        },
    }
]
LANGUAGE_CODE = "en"
USE_I18N = False
TIME_ZONE = "UTC"
USE_TZ = True

# Above the limits of the forms (user lists, runs), so that a form can refuse long input itself and keep it.
DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 60_000

# --- Database, which is also the job queue ------------------------------------------------------------
# Timeouts for PostgreSQL in seconds, applied by portal/postgresql; 0: no limit.
DATABASE_CONNECT_SECONDS = env.number("DATABASE_CONNECT_SECONDS", 5)
DATABASE_PAGE_SECONDS = env.number("DATABASE_PAGE_SECONDS", 10)  # for each statement of a page
DATABASE_COMMAND_SECONDS = env.number("DATABASE_COMMAND_SECONDS", 0)  # migrations may take long
DATABASE_POOLER = env.flag("DATABASE_POOLER", default=False)
# Without DATABASE_URL, a real installation has no database. It must not use the one that a demo left in DEMO_DIR.
if DEMO or env.text("DATABASE_URL"):
    DATABASES = {"default": env.database("DATABASE_URL", f"sqlite:///{DEMO_DIR / 'portal.sqlite3'}")}
else:
    DATABASES = {"default": {"ENGINE": "django.db.backends.dummy"}}
DATABASE_KIND = DATABASES["default"]["ENGINE"].rpartition(".")[2]
if DATABASE_KIND == "sqlite3":
    # DEFERRED transactions fail with "database is locked" under concurrent writers; see docs/decisions.md.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
elif DATABASE_KIND == "postgresql":
    _lost = env.number(
        "DATABASE_LOST_SECONDS", 20
    )  # seconds without acknowledgments after which a connection counts as lost
    DATABASES["default"] |= {
        "ENGINE": "portal.postgresql",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": DATABASE_POOLER,
        "OPTIONS": {
            "connect_timeout": round(DATABASE_CONNECT_SECONDS),
            "keepalives_idle": max(1, round(_lost / 2)),
            "keepalives_interval": max(1, round(_lost / 4)),
            "keepalives_count": 2,
            "tcp_user_timeout": round(_lost * 1000),
            **DATABASES["default"].get("OPTIONS", {}),  # options in DATABASE_URL take precedence
        },
    }

# --- The CRM ------------------------------------------------------------------------------------------
CRM_ORIGIN = env.text("CRM_ORIGIN", f"http://127.0.0.1:{SANDBOX_PORT}" if DEMO else "").rstrip("/")
CRM_TENANT = env.text("CRM_TENANT", "11111111-1111-1111-1111-111111111111" if DEMO else "")
CRM_AUTHORITY = env.text(
    "CRM_AUTHORITY",
    f"https://127.0.0.1:{SANDBOX_PORT}/{CRM_TENANT}" if DEMO else f"https://login.microsoftonline.com/{CRM_TENANT}",
)
CRM_CLIENT_ID = env.text("CRM_CLIENT_ID", "22222222-2222-2222-2222-222222222222" if DEMO else "")
CRM_CLIENT_SECRET = env.text("CRM_CLIENT_SECRET", "sandbox-secret" if DEMO else "")
# The second secret or certificate is tried if the first is refused, so that either can be replaced without downtime.
CRM_CLIENT_SECRET_2 = env.text("CRM_CLIENT_SECRET_2")
CRM_CLIENT_CERTIFICATE = env.text("CRM_CLIENT_CERTIFICATE")  # PEM with the private key; tried before the secrets
CRM_CLIENT_CERTIFICATE_2 = env.text("CRM_CLIENT_CERTIFICATE_2")
CRM_CLIENT_CERTIFICATE_PASSPHRASE = env.text("CRM_CLIENT_CERTIFICATE_PASSPHRASE")
CRM_CLIENT_SECRET_ENDS = env.day("CRM_CLIENT_SECRET_ENDS")  # expiry date, which Entra shows only to people
CRM_CLIENT_SECRET_2_ENDS = env.day("CRM_CLIENT_SECRET_2_ENDS")
CRM_NAMES = env.mapping("CRM_NAMES")
# Requests per 24 hours that the tenant's licenses allow for all its applications together. The default is the smallest
# allowance that Microsoft grants ("Requests limits and allocations").
CRM_DAILY_ALLOWANCE = int(env.number("CRM_DAILY_ALLOWANCE", 25_000))
CRM_SYNC_USER = env.text("CRM_SYNC_USER", "# SSSAdminProd")  # the user in whose name server-side synchronization saves
CAPTURE = env.text("CAPTURE", "off")  # off, or audit: find Outlook edits in the CRM's audit log
# Columns to watch in addition to those that Outlook synchronizes; *: every writable column.
CAPTURE_COLUMNS = env.items("CAPTURE_COLUMNS", ("*",) if DEMO else ())
CRM_ENABLE_WRITES = DEMO  # new connections are read-only, except the demo's

# --- Connections to the CRM, the sign-in service and the mail service ------------------------------------------
OTHER_HOSTS = env.items("OTHER_HOSTS")  # hosts other than Microsoft's that may receive our secrets
CA_BUNDLE = env.text("CA_BUNDLE")  # a file with certificate authorities to trust in addition to the public ones
OUTGOING_PROXY = env.text("OUTGOING_PROXY")

# --- Mails --------------------------------------------------------------------------------------------
MAIL_BACKEND = env.text("MAIL_BACKEND", "smtp" if DEMO else "")  # smtp, graph, or empty: no mails
MAIL_FROM = env.text("MAIL_FROM", "Outlook Sync <outlook-sync@contoso.example>" if DEMO else "")
SMTP_HOST = env.text("SMTP_HOST", "127.0.0.1" if DEMO else "")
SMTP_PORT = env.port("SMTP_PORT", 8025 if DEMO else 587)
SMTP_USER = env.text("SMTP_USER")
SMTP_PASSWORD = env.text("SMTP_PASSWORD")
SMTP_SECURITY = env.text("SMTP_SECURITY", "none" if DEMO else "starttls")  # starttls, tls, none
GRAPH_ORIGIN = env.text("GRAPH_ORIGIN", CRM_ORIGIN if DEMO else "https://graph.microsoft.com").rstrip("/")
GRAPH_MAILBOX = env.text("GRAPH_MAILBOX")  # address or id of the sending mailbox; empty: that of MAIL_FROM
GRAPH_CLIENT_ID = env.text("GRAPH_CLIENT_ID", CRM_CLIENT_ID)
GRAPH_CLIENT_SECRET = env.text("GRAPH_CLIENT_SECRET", CRM_CLIENT_SECRET)
MAILS_BEFORE_DIGEST = int(
    env.number("MAILS_BEFORE_DIGEST", 20)
)  # new edits in 10 minutes; if there are more, a digest lists them
MAILS_AT_ONCE = int(env.number("MAILS_AT_ONCE", 1))  # workers that send mails at the same time
LINK_DAYS = env.number("LINK_DAYS", 30)  # how long a link in a mail preselects its decision

# --- Sign-in ------------------------------------------------------------------------------------------
SIGN_IN_CLIENT_ID = env.text("SIGN_IN_CLIENT_ID", CRM_CLIENT_ID)
SIGN_IN_CLIENT_SECRET = env.text("SIGN_IN_CLIENT_SECRET", CRM_CLIENT_SECRET)
SIGN_IN_CLIENT_SECRET_ENDS = env.day("SIGN_IN_CLIENT_SECRET_ENDS")
SIGN_IN_HELP = env.text("SIGN_IN_HELP")

# --- Rules and times (seconds) ------------------------------------------------------------------------
FOUR_EYES = env.flag("FOUR_EYES", default=True)
UNDO_SECONDS = env.number("UNDO_SECONDS", 10)
PULL_SECONDS = env.number("PULL_SECONDS", 5)
# While no one has the queue open and no edits arrive.
PULL_IDLE_SECONDS = env.number("PULL_IDLE_SECONDS", PULL_SECONDS if DEMO else 120)
INVENTORY_SECONDS = env.number("INVENTORY_SECONDS", 1800)  # between two inventories of all filters
# While no one manages filters.
INVENTORY_IDLE_SECONDS = env.number("INVENTORY_IDLE_SECONDS", INVENTORY_SECONDS if DEMO else 24 * 3600)
SECOND_PERSON_ABOVE = int(env.number("SECOND_PERSON_ABOVE", 100))  # users that one person alone may switch in 24 hours
TICK = env.number("TICK", 1)
COLUMNS_SECONDS = 5.0  # how long pages cache column definitions, which may be hours old anyway
NUMBERS_SECONDS = env.number("NUMBERS_SECONDS", 60)  # between two updates of the numbers page
HTTP_SECONDS = env.number("HTTP_SECONDS", 30)
SOFT_LIMIT = env.number("SOFT_LIMIT", 40)
HARD_LIMIT = env.number("HARD_LIMIT", 50)
LEASE = env.number("LEASE", 60)
# Statement timeout of workers, which must be shorter than the time limit of a task.
DATABASE_TASK_SECONDS = env.number("DATABASE_TASK_SECONDS", SOFT_LIMIT * 0.75)
DATABASE_IDLE_SECONDS = env.number("DATABASE_IDLE_SECONDS", max(60, LEASE))  # idle transactions of pages and workers
BROKER_VISIBILITY = env.number("BROKER_VISIBILITY", 300)
PROBE_SECONDS = env.number("PROBE_SECONDS", 30)  # between two probes of an open breaker
ALERT_AFTER = env.number("ALERT_AFTER", 75)  # seconds before a problem is mailed; longer than a planned restart
WATCH_MAIL_TO = env.items("WATCH_MAIL_TO")  # alerted about a lost database; empty: the addresses last read from it
WATCH_DIR = env.path(  # where `watch` records these alerts
    "WATCH_DIR", DEMO_DIR if DEMO else Path(tempfile.gettempdir()) / f"outlook-sync-watch-{os.getuid()}"
)
ATTEMPTS = int(env.number("ATTEMPTS", 8))
FAILPOINTS = env.text("FAILPOINTS")  # tests only: a folder whose files name the points at which a process kills itself

# --- Redis and Celery ---------------------------------------------------------------------------------
# A digest keeps the path of the socket within the limit of 107 characters.
_digest = hashlib.sha256(str(DEMO_DIR).encode()).hexdigest()[:12]
DEMO_BROKER_SOCKET = Path(tempfile.gettempdir()) / f"osync-{_digest}" / "broker.sock"
REDIS_URL = env.text("REDIS_URL", f"redis+socket://{DEMO_BROKER_SOCKET}" if DEMO else "")

# Redis of the rate limiter that all processes share (syncapp/crm/rate_limit); empty: no rate limits.
RATE_LIMIT_URL = env.text("RATE_LIMIT_URL", REDIS_URL)
RATE_LIMIT_TIME_SCALE = env.number(
    "RATE_LIMIT_TIME_SCALE", 1
)  # the sandbox's time_scale: below 1 its clock runs faster

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_ACKS_ON_FAILURE = True
CELERY_TASK_TIME_LIMIT = HARD_LIMIT
CELERY_TASK_SOFT_TIME_LIMIT = SOFT_LIMIT
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
# A lost broker must not kill a process that waits for the CRM's answer (docs/decisions.md). Messages that are delivered
# again do no harm, because the leases of rows keep a job from being processed twice.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": BROKER_VISIBILITY,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    # Without these four, a worker waits for minutes on a half-open connection, and publishing to a dead broker
    # blocks for 6 to 10 seconds.
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "health_check_interval": 10,
    "max_retries": 0,
}
if not REDIS_URL.startswith("redis+socket"):
    CELERY_BROKER_TRANSPORT_OPTIONS["socket_keepalive"] = True
# Tasks that wait for the CRM's answers to writes use the default queue, so that unanswered writes delay neither reads
# nor mails. A worker without -Q serves both.
PERIODIC_QUEUE = "periodic"
CELERY_TASK_DEFAULT_QUEUE = "celery"
CELERY_TASK_QUEUES: dict[str, dict[str, str]] = {PERIODIC_QUEUE: {}, CELERY_TASK_DEFAULT_QUEUE: {}}
CELERY_BEAT_SCHEDULER = "portal.beat:Scheduler"
CELERY_BEAT_SCHEDULE = {
    "tick": {"task": "syncapp.tasks.tick", "schedule": TICK},
    "pull": {"task": "syncapp.tasks.pull", "schedule": PULL_SECONDS},
    "tell": {"task": "syncapp.tasks.tell", "schedule": PULL_SECONDS},
    "numbers": {"task": "syncapp.tasks.numbers", "schedule": NUMBERS_SECONDS},
    "take_inventory": {"task": "syncapp.tasks.take_inventory", "schedule": PULL_SECONDS * 2},
    "read_audit_log": {"task": "syncapp.tasks.read_audit_log", "schedule": PULL_SECONDS},
    "nightly": {"task": "syncapp.tasks.nightly", "schedule": 600.0},
}
CELERY_TASK_ROUTES = {
    f"syncapp.tasks.{task}": {"queue": PERIODIC_QUEUE} for task in (*CELERY_BEAT_SCHEDULE, "pulse", "send")
}

# --- Web ----------------------------------------------------------------------------------------------
_https = not BASE_URL.startswith("http://")
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_NAME = "__Host-portal" if _https else "portal_session"
SESSION_COOKIE_SECURE = _https
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"  # Strict would lose the session on the return from the sign-in page
SESSION_COOKIE_AGE = 8 * 3600
SESSION_IDLE_MINUTES = env.number("SESSION_IDLE_MINUTES", 30)  # without activity
CSRF_COOKIE_NAME = "__Host-csrf" if _https else "portal_csrf"
CSRF_COOKIE_SECURE = _https
CSRF_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = _https
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]  # probes do not go through the proxy
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _https
SECURE_HSTS_PRELOAD = _https
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if env.flag("BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
LOGIN_URL = "sign_in"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

_authority = urlsplit(CRM_AUTHORITY)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "font-src": ["'self'"],
        "form-action": [
            "'self'",
            f"{_authority.scheme}://{_authority.netloc}",
            *([CRM_ORIGIN] if DEMO else []),
        ],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
    }
}

STATIC_URL = "static/"
# The demo serves the source files.
STATIC_ROOT = None if DEMO else env.text("STATIC_ROOT", str(BASE_DIR / "staticfiles"))
WHITENOISE_USE_FINDERS = DEMO
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEMO
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# --- Monitoring ---------------------------------------------------------------------------------------
METRICS_TOKEN = env.text("METRICS_TOKEN")

# --- Logs: no personal data, ids only -----------------------------------------------------------------
LOG_FORMAT = env.choice("LOG_FORMAT", ("text", "json"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"log": {"()": "portal.logs.formatter", "kind": LOG_FORMAT}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "log"}},
    "root": {"handlers": ["stderr"], "level": env.text("LOG_LEVEL", "INFO")},
    "filters": {"outages": {"()": "portal.logs.QuietOutages"}},
    "loggers": {
        # At INFO, these would log two lines per second about empty ticks.
        **{name: {"level": "WARNING"} for name in ("celery.app.trace", "celery.worker.strategy")},
        "django.request": {"filters": ["outages"]},
    },
}
