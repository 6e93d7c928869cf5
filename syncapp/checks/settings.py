"""System checks of the settings, which docs/reference/configuration.md lists."""

from __future__ import annotations

import itertools
import os
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from syncapp.crm.auth.credentials import read_certificate
from syncapp.crm.names import Names
from syncapp.text.ids import parse_uuid

MIN_SECRET_LENGTH = 50
MIN_AUDIT_KEY_LENGTH = 32
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1", "[::1]", "testserver"})
# Each has to be shorter than the next, or two workers could process the same job at the same time.
TIMES_IN_ORDER = ("HTTP_SECONDS", "SOFT_LIMIT", "HARD_LIMIT", "LEASE", "BROKER_VISIBILITY")
# Bounds of settings; values beyond them would silently disable a safeguard.
BOUNDS = {
    "SESSION_IDLE_MINUTES": (1, 480),
    "LINK_DAYS": (1, 365),
    "SECOND_PERSON_ABOVE": (0, 10_000),
    "CRM_DAILY_ALLOWANCE": (1, 1_000_000_000),
    "DATABASE_CONNECT_SECONDS": (2, 10),
    "DATABASE_PAGE_SECONDS": (1, 20),  # with the limit above, a web thread is free again within 30 seconds
}
REDIS_SCHEMES = ("redis", "rediss", "unix", "redis+socket")
CAPTURE_VALUES = ("off", "audit")
Messages = list[CheckMessage]


@register("osync")
def times_are_in_order(app_configs: Any, **kwargs: Any) -> Messages:
    """Check E001: HTTP_SECONDS < SOFT_LIMIT < HARD_LIMIT < LEASE < BROKER_VISIBILITY."""
    pairs = itertools.pairwise(TIMES_IN_ORDER)
    wrong = [(low, high) for low, high in pairs if not getattr(settings, low) < getattr(settings, high)]
    return [
        Error(
            f"{low} ({getattr(settings, low):g} s) must be shorter than {high} ({getattr(settings, high):g} s).",
            hint="Otherwise two workers can process the same job. The order is " + " < ".join(TIMES_IN_ORDER) + ".",
            id="osync.E001",
        )
        for low, high in wrong
    ]


@register("osync")
def times_are_positive(app_configs: Any, **kwargs: Any) -> Messages:
    """Check E002: times are positive; only the undo window may be zero."""
    names = ("TICK", "PULL_SECONDS", "INVENTORY_SECONDS", "PROBE_SECONDS", "HTTP_SECONDS")
    wrong = [name for name in names if getattr(settings, name) <= 0]
    if settings.UNDO_SECONDS < 0:
        wrong.append("UNDO_SECONDS")
    return [Error(f"{name} must be more than 0 seconds.", hint="Unset it.", id="osync.E002") for name in wrong]


@register("osync", Tags.security)
def secrets_are_set(app_configs: Any, **kwargs: Any) -> Messages:
    """Check E003, E004: outside the demo, all secrets are set, and the signing key is long and not the demo's."""
    if settings.DEMO:
        return []
    replaceable = () if settings.CRM_CLIENT_CERTIFICATE else ("CRM_CLIENT_SECRET", "SIGN_IN_CLIENT_SECRET")
    names = ("CRM_CLIENT_ID", "SIGN_IN_CLIENT_ID", "REDIS_URL", *replaceable)
    hint = "Set it, or {0}_FILE to the path of a file that holds it."
    certificate = " Or set CRM_CLIENT_CERTIFICATE_FILE, to use a certificate instead."
    missing = [name for name in names if not getattr(settings, name)]
    hints = {name: hint.format(name) + (certificate if name in replaceable else "") for name in missing}
    found: Messages = [Error(f"{name} is not set.", hint=hints[name], id="osync.E003") for name in missing]
    key = _secret_key()
    if len(key) < MIN_SECRET_LENGTH or key.startswith("demo-only"):
        message = f"SECRET_KEY is missing, that of the demo, or shorter than {MIN_SECRET_LENGTH} characters."
        found.append(Error(message, hint="Set a long random text; it signs sessions and links.", id="osync.E004"))
    return found


@register("osync", Tags.security)
def certificates_can_be_used(app_configs: Any, **kwargs: Any) -> Messages:
    """Check E031: each client certificate is PEM with its own RSA key, the passphrase fits, and it has not expired."""
    hint = "Put the certificate and its private key, both as PEM, into one file and set {0}_FILE to its path."
    found: Messages = []
    for name in ("CRM_CLIENT_CERTIFICATE", "CRM_CLIENT_CERTIFICATE_2"):
        text = getattr(settings, name)
        problem = _certificate_problem(text) if text else ""
        if problem:
            found.append(Error(f"{name} cannot be used. {problem}", hint=hint.format(name), id="osync.E031"))
    return found


def _certificate_problem(text: str) -> str:
    try:
        certificate = read_certificate(text, settings.CRM_CLIENT_CERTIFICATE_PASSPHRASE)
    except ValueError as error:
        return str(error)
    is_expired = certificate.ends_at < datetime.now(UTC)
    return f"It expired on {certificate.ends_at:%-d %B %Y}." if is_expired else ""


@register("osync")
def numbers_are_within_bounds(app_configs: Any, **kwargs: Any) -> Messages:
    """Check E026: minutes, days and limits are within BOUNDS."""
    return [
        Error(f"{name} must be {minimum:,} to {maximum:,}, not {value:g}.", hint="Unset it.", id="osync.E026")
        for name, (minimum, maximum) in BOUNDS.items()
        if not minimum <= (value := getattr(settings, name)) <= maximum
    ]


@register("osync")
def database_is_set(app_configs: Any, **kwargs: Any) -> Messages:
    """Check E020, W005: DATABASE_URL is set and, outside the demo, names a PostgreSQL database."""
    if settings.DATABASE_KIND == "dummy":
        hint = "Set DATABASE_URL=postgresql://USER:PASSWORD@HOST/NAME, or DATABASE_URL_FILE."
        return [Error("DATABASE_URL is not set.", hint=hint, id="osync.E020")]
    if settings.DATABASE_KIND not in ("postgresql", "sqlite3"):
        hint = "Set DATABASE_URL=postgresql://USER:PASSWORD@HOST/NAME."
        return [Error(f"DATABASE_URL is for {settings.DATABASE_KIND}.", hint=hint, id="osync.E020")]
    if settings.DATABASE_KIND == "sqlite3" and not settings.DEMO:
        hint = "Set DATABASE_URL=postgresql://…; SQLite is for the demo: one writer at a time, on one host."
        return [Warning("The database is SQLite.", hint=hint, id="osync.W005")]
    return []


def _secret_key() -> str:
    try:
        return settings.SECRET_KEY
    except ImproperlyConfigured:  # Django raises it for an empty key
        return ""


@register("osync", Tags.security)
def demo_stays_on_this_machine(app_configs: Any, **kwargs: Any) -> Messages:
    """Check E005: the demo, where anyone can sign in as anyone, is reached from this machine only."""
    if not settings.DEMO:
        return []
    hosts = [*settings.ALLOWED_HOSTS, urlsplit(settings.BASE_URL).hostname or ""]
    remote = sorted({host for host in hosts if host not in LOOPBACK_HOSTS})
    hint = "Set DEMO=off for a real installation, or unset BASE_URL and ALLOWED_HOSTS."
    return [Error(f"DEMO is on, but {host!r} is not this machine.", hint=hint, id="osync.E005") for host in remote]


@register("osync", Tags.security)
def crm_is_a_bare_https_origin(app_configs: Any, **kwargs: Any) -> Messages:
    """Check E006: outside the demo, CRM_ORIGIN, which gets the bearer token, is https://host and nothing more."""
    if is_bare_origin(settings.CRM_ORIGIN, schemes=("http", "https") if settings.DEMO else ("https",)):
        return []
    message = f"CRM_ORIGIN must be https://host without path, user or query, not {settings.CRM_ORIGIN!r}."
    return [Error(message, hint="For example https://contoso.crm4.dynamics.com", id="osync.E006")]


@register("osync")
def crm_names_are_valid(app_configs: Any, **kwargs: Any) -> Messages:
    """Check E034: CRM_NAMES has known keys and valid names; only `contact_revision` may be empty."""
    try:
        Names.from_mapping(settings.CRM_NAMES)
    except ValueError as error:
        hint = 'Use the keys in syncapp/crm/names.py. A CRM without a revision column: {"contact_revision": ""}'
        return [Error(f"CRM_NAMES cannot be used: {error}.", hint=hint, id="osync.E034")]
    return []


@register("osync")
def capture_setting_is_known(app_configs: Any, **kwargs: Any) -> Messages:
    """Check E035: CAPTURE is off or audit."""
    if settings.CAPTURE in CAPTURE_VALUES:
        return []
    hint = "Leave it off where a plug-in of the CRM stages edits."
    message = f"CAPTURE must be {' or '.join(CAPTURE_VALUES)}, not {settings.CAPTURE!r}."
    return [Error(message, hint=hint, id="osync.E035")]


@register("osync")
def metrics_folder_is_writable(app_configs: Any, **kwargs: Any) -> Messages:
    """Check E036: the folder in which the processes of a host share their metrics can be written."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
    if not folder or os.access(folder, os.W_OK | os.X_OK):
        return []
    hint = "Create it for the user that runs the portal, or unset the variable."
    return [Error("PROMETHEUS_MULTIPROC_DIR is not a folder that can be written.", hint=hint, id="osync.E036")]


def is_bare_origin(address: str, *, schemes: tuple[str, ...]) -> bool:
    """Return whether a URL has a scheme, a host, perhaps a port, and nothing else."""
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises ValueError for an invalid port
    except ValueError:
        return False
    is_bare = f"{parts.scheme}://{parts.netloc}" == address and "@" not in parts.netloc
    return is_bare and parts.scheme in schemes and bool(parts.hostname)


@register("osync")
def rate_limiter_is_configured(app_configs: Any, **kwargs: Any) -> Messages:
    """Check E014: RATE_LIMIT_URL is a Redis address or empty, and RATE_LIMIT_TIME_SCALE is more than 0."""
    found: Messages = []
    if settings.RATE_LIMIT_URL and urlsplit(settings.RATE_LIMIT_URL).scheme not in REDIS_SCHEMES:
        schemes = ", ".join(f"{scheme}://" for scheme in REDIS_SCHEMES)
        hint = f"Start it with {schemes}; leave it empty to keep no limits."
        found.append(Error("RATE_LIMIT_URL is not the address of a Redis server.", hint=hint, id="osync.E014"))
    if not settings.RATE_LIMIT_TIME_SCALE > 0:
        hint = "Unset it; only a sandbox with its own time_scale needs it."
        found.append(Error("RATE_LIMIT_TIME_SCALE must be more than 0.", hint=hint, id="osync.E014"))
    return found


@register("osync", Tags.security)
def tenant_is_an_id(app_configs: Any, **kwargs: Any) -> Messages:
    """Check E007: CRM_TENANT is the id of one tenant; "common" would admit every tenant."""
    if parse_uuid(settings.CRM_TENANT):
        return []
    hint = "Find it in the Entra admin center: Overview, Tenant ID. Not “common”, “organizations” or a domain."
    return [Error("CRM_TENANT must be the tenant's id.", hint=hint, id="osync.E007")]


@register("osync")
def base_url_is_set(app_configs: Any, **kwargs: Any) -> Messages:
    """Check E008: BASE_URL is set, because links in mails and the sign-in redirect are built from it."""
    if is_bare_origin(settings.BASE_URL, schemes=("http", "https") if settings.DEMO else ("https",)):
        return []
    message = f"BASE_URL must be the portal's own https://host, not {settings.BASE_URL!r}."
    return [Error(message, hint="For example https://outlook-sync.contoso.com", id="osync.E008")]


@register("osync", Tags.security)
def failpoints_are_off(app_configs: Any, **kwargs: Any) -> Messages:
    """Check E009: FAILPOINTS, which kills processes on purpose in tests, is not set."""
    if settings.DEMO or not settings.FAILPOINTS:
        return []
    return [Error("FAILPOINTS is set.", hint="Unset it; it kills workers on purpose.", id="osync.E009")]


@register("osync", Tags.security)
def audit_has_its_own_key(app_configs: Any, **kwargs: Any) -> Messages:
    """Check W001, W007: AUDIT_KEY is a long, separate key, so that digests stay verifiable and hard to forge."""
    if settings.DEMO:
        return []
    if _secret_key() != settings.AUDIT_KEY:
        if len(settings.AUDIT_KEY) >= MIN_AUDIT_KEY_LENGTH:
            return []
        message = f"AUDIT_KEY is shorter than {MIN_AUDIT_KEY_LENGTH} characters, so its digests can be forged."
        hint = "Choose a long key before the first entry; a new key makes the digests of earlier entries unverifiable."
        return [Warning(message, hint=hint, id="osync.W007")]
    hint = "Set AUDIT_KEY to a separate key and never change it."
    return [Warning("AUDIT_KEY is not set, so SECRET_KEY signs the audit log.", hint=hint, id="osync.W001")]


@register("osync", Tags.security)
def four_eyes_are_on(app_configs: Any, **kwargs: Any) -> Messages:
    """Check W002: FOUR_EYES is on, so that people cannot approve their own edits."""
    if settings.FOUR_EYES:
        return []
    hint = "Leave FOUR_EYES on unless there is only one reviewer."
    return [Warning("FOUR_EYES is off: people can approve their own edits.", hint=hint, id="osync.W002")]


@register("osync", Tags.security)
def debug_is_off(app_configs: Any, **kwargs: Any) -> Messages:
    """Check E010: DEBUG, which shows settings and values on error pages, is off."""
    if not settings.DEBUG:
        return []
    hint = "Unset DEBUG."
    return [Error("DEBUG is on.", hint=hint, id="osync.E010")] if not settings.DEMO else []
