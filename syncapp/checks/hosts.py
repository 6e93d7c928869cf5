"""System checks of the hosts that the portal connects to, and of its own host names."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from syncapp.checks.settings import LOOPBACK_HOSTS, is_bare_origin
from syncapp.crm.auth.authority import MICROSOFT_HOSTS
from syncapp.text.ids import parse_uuid

CRM_HOST = re.compile(
    r"[a-z0-9-]+\.(api\.)?crm[0-9]*\.(dynamics\.com|dynamics\.cn|microsoftdynamics\.us|appsplatform\.us)"
)
GRAPH_HOSTS = frozenset(
    {"graph.microsoft.com", "graph.microsoft.us", "dod-graph.microsoft.us", "microsoftgraph.chinacloudapi.cn"}
)
HOST_SETTINGS = ("CRM_ORIGIN", "CRM_AUTHORITY", "GRAPH_ORIGIN")
Messages = list[CheckMessage]


@register("osync", Tags.security)
def demo_talks_to_this_machine(app_configs: Any, **kwargs: Any) -> Messages:
    """Check E021: the demo, where anyone can decide and write, connects to this machine only."""
    if not settings.DEMO:
        return []
    hint = "Unset it, or set DEMO=off for a real installation."
    return [
        Error(f"DEMO is on, but {name} points to {host!r}, which is not this machine.", hint=hint, id="osync.E021")
        for name in HOST_SETTINGS
        if (host := _host_of(getattr(settings, name))) not in LOOPBACK_HOSTS
    ]


def _host_of(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


@register("osync", Tags.security)
def secrets_go_to_known_hosts(app_configs: Any, **kwargs: Any) -> Messages:
    """Check E022: secrets and tokens are sent only to Microsoft's hosts and those in OTHER_HOSTS."""
    if settings.DEMO:
        return []
    host_checks: dict[str, Callable[[str], bool]] = {
        "CRM_ORIGIN": lambda host: CRM_HOST.fullmatch(host) is not None,
        "CRM_AUTHORITY": lambda host: host in MICROSOFT_HOSTS,
        "GRAPH_ORIGIN": lambda host: host in GRAPH_HOSTS,
    }
    hint = "Correct it, or add the host to OTHER_HOSTS, for example a CRM on premises or a test sandbox."
    return [
        Error(f"{name} points to {host!r}, which is not one of Microsoft's hosts for it.", hint=hint, id="osync.E022")
        for name, is_known in host_checks.items()
        if (host := _host_of(getattr(settings, name))) and not is_known(host) and host not in settings.OTHER_HOSTS
    ]


@register("osync", Tags.security)
def tokens_travel_encrypted(app_configs: Any, **kwargs: Any) -> Messages:
    """Check E023: the mail service and the authority use https, and the authority names our tenant."""
    if settings.DEMO:
        return []
    found: Messages = []
    if not is_bare_origin(settings.GRAPH_ORIGIN, schemes=("https",)):
        message = f"GRAPH_ORIGIN must be https://host without path, user or query, not {settings.GRAPH_ORIGIN!r}."
        found.append(Error(message, hint="For example https://graph.microsoft.com", id="osync.E023"))
    origin, _, path = settings.CRM_AUTHORITY.rpartition("/")
    tenant = parse_uuid(settings.CRM_TENANT)
    is_ours = parse_uuid(path) == tenant if tenant else path == settings.CRM_TENANT  # osync.E007 asks for an id
    if not is_bare_origin(origin, schemes=("https",)) or not is_ours:
        message = f"CRM_AUTHORITY must be https://host/CRM_TENANT, not {settings.CRM_AUTHORITY!r}."
        found.append(Error(message, hint="Unset it; it is derived from CRM_TENANT.", id="osync.E023"))
    return found


@register("osync", Tags.security)
def host_names_are_exact(app_configs: Any, **kwargs: Any) -> Messages:
    """Check E024, W008: ALLOWED_HOSTS has only the portal's own host names, and that of BASE_URL."""
    if settings.DEMO:
        return []
    hint = "List each host, for example ALLOWED_HOSTS=outlook-sync.contoso.com"
    if not settings.ALLOWED_HOSTS:
        return [Error("ALLOWED_HOSTS is not set, so no page can be opened.", hint=hint, id="osync.E024")]
    wildcards = [host for host in settings.ALLOWED_HOSTS if host.startswith((".", "*"))]
    if wildcards:
        return [Error(f"ALLOWED_HOSTS has a wildcard: {host!r}.", hint=hint, id="osync.E024") for host in wildcards]
    own_host = urlsplit(settings.BASE_URL).hostname or ""
    if not own_host or own_host in {host.lower() for host in settings.ALLOWED_HOSTS}:
        return []
    message = f"ALLOWED_HOSTS lacks {own_host}, the host of BASE_URL, so pages answer 400 there."
    return [Warning(message, hint=hint, id="osync.W008")]


@register("osync", Tags.security)
def database_and_redis_are_encrypted(app_configs: Any, **kwargs: Any) -> Messages:
    """Check W006: the connections to the database and Redis are encrypted."""
    if settings.DEMO:
        return []
    database = settings.DATABASES["default"]
    is_unencrypted = database.get("OPTIONS", {}).get("sslmode") not in ("require", "verify-ca", "verify-full")
    found: Messages = []
    if settings.DATABASE_KIND == "postgresql" and _is_remote(str(database.get("HOST", ""))) and is_unencrypted:
        hint = "Add ?sslmode=verify-full&sslrootcert=FILE to DATABASE_URL."
        found.append(Warning("The connection to PostgreSQL may not use TLS.", hint=hint, id="osync.W006"))
    for name in ("REDIS_URL", "RATE_LIMIT_URL"):
        address = getattr(settings, name)
        if address.startswith("redis://") and _is_remote(_host_of(address)):
            hint = f"Set {name}=rediss://…, with ?ssl_ca_certs=FILE for a private CA."
            found.append(Warning(f"{name} does not use TLS.", hint=hint, id="osync.W006"))
    return found


def _is_remote(host: str) -> bool:
    return bool(host) and not host.startswith("/") and host not in LOOPBACK_HOSTS


@register("osync", Tags.security)
def outgoing_connections_are_configured(app_configs: Any, **kwargs: Any) -> Messages:
    """Check E027: CA_BUNDLE is a file with certificates, and OUTGOING_PROXY the URL of a proxy."""
    found: Messages = []
    problem: str | None = None
    if settings.CA_BUNDLE:
        authorities = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            authorities.load_verify_locations(settings.CA_BUNDLE)
            problem = None if authorities.get_ca_certs() else "it has no certificate of an authority"
        except OSError as error:  # ssl.SSLError is an OSError, too
            problem = "it has no certificate" if isinstance(error, ssl.SSLError) else str(error.strerror)
    if problem:
        message = f"CA_BUNDLE cannot be used: {settings.CA_BUNDLE}: {problem}."
        hint = "Set it to a file with the certificates (PEM) of your company's authorities."
        found.append(Error(message, hint=hint, id="osync.E027"))
    if settings.OUTGOING_PROXY and not _is_proxy(settings.OUTGOING_PROXY):
        # The address may hold a password, so it is not repeated.
        hint = "For example http://proxy.contoso.com:3128"
        found.append(Error("OUTGOING_PROXY is not the URL of a proxy.", hint=hint, id="osync.E027"))
    return found


def _is_proxy(address: str) -> bool:
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises ValueError for an invalid port
    except ValueError:
        return False
    is_bare = not (parts.path.rstrip("/") or parts.query or parts.fragment)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and is_bare
