"""The clients for the CRM and the sign-in service, and the check that the CRM is still the same."""

from __future__ import annotations

from functools import cache
from uuid import UUID

from django.conf import settings
from django.db import transaction

from syncapp import audit
from syncapp.connection import credentials, usage
from syncapp.crm.auth.sign_in import ClientCredentials, SignIn, demo_session
from syncapp.crm.client import CrmClient
from syncapp.crm.errors import TokenUnavailable
from syncapp.crm.names import Names
from syncapp.crm.rate_limit.limiter import Lane, Limits, NoLimiter, RateLimiter
from syncapp.crm.rate_limit.shared import SharedLimiter
from syncapp.crm.sessions import OutgoingConnections
from syncapp.crm.transport import Transport
from syncapp.jobs import breakers
from syncapp.models import Breaker, Connection, Person


class WrongOrganization(Exception):
    """The address leads to a CRM other than the one this database mirrors."""


def outgoing_connections() -> OutgoingConnections:
    """Return the settings of outgoing connections: proxy and trusted authorities."""
    return OutgoingConnections(ca_bundle=settings.CA_BUNDLE, proxy=settings.OUTGOING_PROXY)


@cache
def crm() -> CrmClient:
    """Return the client for requests that a person waits for; its HTTP session opens lazily, after any fork."""
    tokens = ClientCredentials(
        authority=settings.CRM_AUTHORITY,
        client_id=settings.CRM_CLIENT_ID,
        credentials=credentials.of_crm(),
        scope=f"{settings.CRM_ORIGIN}/.default",
        session=demo_session(settings.CRM_AUTHORITY) if settings.DEMO else None,
        outgoing=outgoing_connections(),
    )
    rate_limiter: RateLimiter = NoLimiter()
    if settings.RATE_LIMIT_URL:  # shared by all processes
        account = f"{settings.CRM_ORIGIN} {settings.CRM_CLIENT_ID}"
        limits = Limits().scaled(settings.RATE_LIMIT_TIME_SCALE)
        rate_limiter = SharedLimiter(url=settings.RATE_LIMIT_URL, account=account, limits=limits)
    transport = Transport(
        origin=settings.CRM_ORIGIN,
        token_source=tokens,
        read_timeout=settings.HTTP_SECONDS,
        rate_limiter=rate_limiter,
        outgoing=outgoing_connections(),
        count=usage.count,
    )
    return CrmClient(
        transport=transport,
        names=names(),
        writes_allowed=review_writes_are_enabled,
        filter_writes_allowed=filter_writes_are_enabled,
        belongs_to=_is_ours,
    )


@cache
def names() -> Names:
    """Return the CRM's table and column names: the defaults, overridden by CRM_NAMES."""
    return Names.from_mapping(settings.CRM_NAMES)


def review_writes_are_enabled() -> bool:
    """Return whether an administrator has enabled writing reviewed values to this CRM."""
    return Connection.objects.filter(review_writes=True).exists()


def filter_writes_are_enabled() -> bool:
    """Return whether an administrator has enabled switching filters in this CRM."""
    return Connection.objects.filter(filter_writes=True).exists()


WRITES = {"review": "review_writes", "filters": "filter_writes"}


@transaction.atomic
def set_writes_allowed(kind: str, *, allowed: bool, by: Person | None, channel: str = "settings") -> None:
    """Enable or disable one kind of writing, "review" or "filters", to the connected CRM."""
    changed = Connection.objects.filter(**{WRITES[kind]: not allowed}).update(**{WRITES[kind]: allowed})
    if changed:
        audit.record(
            "connection.writes",
            by=by,
            channel=channel,
            details={"kind": kind, "allowed": allowed},
            before=str(not allowed).lower(),
            after=str(allowed).lower(),
        )


@transaction.atomic
def _connection(organization_id: UUID) -> Connection:
    """Return the connected CRM; at first contact, store this organization as the connected one."""
    enabled = settings.CRM_ENABLE_WRITES
    first = {"organization_id": organization_id, "origin": settings.CRM_ORIGIN}
    connection, is_new = Connection.objects.get_or_create(
        slot=1, defaults={**first, "review_writes": enabled, "filter_writes": enabled}
    )
    if is_new:
        audit.record("connection.first_contact", by=None, channel="system", details={"writes": enabled})
    return connection


def check_organization(organization_id: UUID) -> None:
    """Store the CRM's organization at first contact; later refuse any other one and open a breaker.

    Raises WrongOrganization.
    """
    if _connection(organization_id).organization_id != organization_id:
        breakers.trip(Breaker.Name.WRONG_ORGANIZATION, reason="another organization id", probe_in=None)
        raise WrongOrganization(str(organization_id))
    breakers.reset(Breaker.Name.WRONG_ORGANIZATION)


def _is_ours(organization_id: UUID) -> bool:
    try:
        check_organization(organization_id)
    except WrongOrganization:
        return False
    return True


@cache
def verified_client() -> CrmClient:
    """Return the client for background work, once the CRM's organization is verified.

    Its calls yield to those that people wait for. Raises CrmError, WrongOrganization.
    """
    client = crm().in_lane(Lane.BULK)
    check_organization(client.who_am_i().organization_id)
    return client


@cache
def sign_in_service() -> SignIn:
    """Return this process's client for the sign-in service; it caches the service's keys."""
    return SignIn(
        authority=settings.CRM_AUTHORITY,
        client_id=settings.SIGN_IN_CLIENT_ID,
        credentials=credentials.of_sign_in(),
        session=demo_session(settings.CRM_AUTHORITY) if settings.DEMO else None,
        outgoing=outgoing_connections(),
    )


def trip_sign_in_breaker(error: TokenUnavailable) -> None:
    """Open the breaker of the sign-in service after it did not answer."""
    breakers.trip(Breaker.Name.SIGN_IN, reason=error.code, probe_in=settings.PROBE_SECONDS)


def probe_sign_in() -> None:
    """Close the sign-in breaker if a probe is due and the service answers again."""
    permit = breakers.try_acquire((Breaker.Name.SIGN_IN,))
    if permit is not None and permit.probes and sign_in_service().answers():
        breakers.reset(Breaker.Name.SIGN_IN)
