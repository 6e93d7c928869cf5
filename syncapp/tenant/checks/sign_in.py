"""Checks of the sign-in: the token, our user, and addresses and values that must match the app registration."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse

from syncapp.crm.errors import CredentialsRefused, CrmError, Forbidden, TokenUnavailable
from syncapp.models import Connection, Person
from syncapp.models.person import ROLE_COLUMNS, Role
from syncapp.tenant.checks.context import Context
from syncapp.tenant.checks.findings import EVERYTHING, NOTHING, Answer, Check, Level, not_asked, ok
from syncapp.tenant.checks.words import answer_text, seconds
from syncapp.text.ids import parse_uuid

GROUP = "Sign-in"
_MAX_DIFFERENCE, _MAX_USUAL_DIFFERENCE = 60.0, 5.0  # seconds
_USERS_PATH = ("Power Platform admin center", "Environments", "Settings", "Application users")


def redirect_address() -> str:
    """Return the redirect address that the app registration must have."""
    return f"{settings.BASE_URL}{reverse('sign_in_callback')}"


def token(context: Context) -> Answer:
    """Sign in again as the application."""
    try:
        found = context.round_trip()
    except TokenUnavailable as error:
        remedy = f"Check that this host can reach {settings.CRM_AUTHORITY}, through OUTGOING_PROXY if it is set."
        meaning = "The sign-in service did not answer. Nothing can be read or written."
        return Answer(Level.FAILED, answer_text(error), meaning, remedy, fix="Make the sign-in service reachable")
    except CredentialsRefused as error:
        if error.status is not None:
            return ok("accepted by the sign-in service", "Tenant, registration and credentials match.")
        remedy = "Compare CRM_TENANT, CRM_CLIENT_ID and the secret or certificate with the app registration."
        meaning = "The sign-in service does not accept these credentials. Nothing can be read or written."
        return Answer(Level.FAILED, answer_text(error), meaning, remedy, fix="Correct the credentials")
    except CrmError:
        return ok("accepted by the sign-in service", "Tenant, registration and credentials match.")
    return ok(f"after {seconds(found.token_seconds)}", "Tenant, registration and credentials match.")


def who_we_are(context: Context) -> Answer:
    """Ask the CRM who is calling."""
    try:
        identity = context.round_trip().identity
    except (CredentialsRefused, Forbidden) as error:
        meaning = "The CRM has no enabled application user for this registration, or that user has no role."
        remedy = "Add an application user for this application and give it a security role:"
        return Answer(
            Level.FAILED, answer_text(error), meaning, remedy, fix="Add the application user", path=_USERS_PATH
        )
    except CrmError as error:
        meaning = "The CRM did not identify the portal’s user. Nothing can be read or written."
        remedy = "Check that CRM_ORIGIN is the environment’s address, and that this host can reach it."
        return Answer(Level.FAILED, answer_text(error), meaning, remedy, fix="Make the CRM reachable")
    known = Connection.objects.first()
    if known is None:
        return ok(f"user {identity.user_id}", "The CRM answers. It becomes this portal’s CRM when it is first read.")
    if known.organization_id != identity.organization_id:
        answer = f"organization {identity.organization_id}, but this database mirrors {known.organization_id}"
        meaning = "CRM_ORIGIN leads to a different CRM from the one that was mirrored. Nothing is read or written."
        remedy = "Correct CRM_ORIGIN, or give the other CRM a database of its own."
        return Answer(Level.FAILED, answer, meaning, remedy, fix="Connect the CRM that this database mirrors")
    return ok(f"user {identity.user_id}", "It is the CRM that this database mirrors.")


def application_user(context: Context) -> Answer:
    """Read our own user with its roles."""
    account = context.account()
    roles = ", ".join(account.roles) or "no security role of its own"
    answer = f"{account.name}, {account.business_unit or 'business unit not known'}: {roles}"
    if account.application_id is None:
        meaning = "The portal uses a person’s account. It needs a license, and stops working when that person leaves."
        return Answer(Level.WARNING, answer, meaning, "Use an application user:", path=_USERS_PATH)
    if account.application_id != parse_uuid(settings.CRM_CLIENT_ID):
        meaning = (
            f"The user belongs to application {account.application_id}, but CRM_CLIENT_ID is {settings.CRM_CLIENT_ID}."
        )
        return Answer(
            Level.WARNING, answer, meaning, "Compare CRM_CLIENT_ID with the application user.", path=_USERS_PATH
        )
    return ok(answer, "The CRM has a user for the portal.", items=account.roles)


def redirect(_context: Context) -> Answer:
    """Report the redirect address, and whether anyone has signed in."""
    address = redirect_address()
    meaning = "The app registration must have the same address, under the platform Web."
    if Person.objects.filter(signed_in_at__isnull=False).exists():
        return ok(address, f"People have signed in. {meaning}")
    remedy = "Add it to the app registration, then sign in once:"
    path = ("Microsoft Entra admin center", "App registrations", "Authentication", "Add a platform", "Web")
    return Answer(Level.UNKNOWN, f"{address}, no one has signed in yet", meaning, remedy, path=path)


def app_roles(_context: Context) -> Answer:
    """Count the people who signed in with each app role."""
    counts = {
        role: Person.objects.filter(is_active=True, **{column: True}).count() for role, column in ROLE_COLUMNS.items()
    }
    values = ", ".join(role.value for role in Role)
    meaning = f"The app registration must have exactly these values: {values}. Other values give no access."
    if counts[Role.ADMINISTRATOR]:
        return ok("; ".join(f"{role.value}: {number}" for role, number in counts.items()), meaning)
    if not Person.objects.filter(signed_in_at__isnull=False).exists():
        return not_asked("no one has signed in yet", meaning, "Sign in as a person with the role Administrator.")
    remedy = "Create the app roles with these values, assign Administrator to someone, and let them sign in:"
    path = ("Microsoft Entra admin center", "App registrations", "App roles", "Create app role")
    return Answer(Level.WARNING, "no one who signed in has the role Administrator", meaning, remedy, path=path)


def clocks(context: Context) -> Answer:
    """Compare our clock with the date of the CRM's answer."""
    difference = context.round_trip().clock_difference
    if difference is None:
        return not_asked("the answer has no date", "Whether the clocks agree is not known.", NOTHING, tried="")
    apart = f"{abs(difference):.1f} s apart"
    if abs(difference) > _MAX_DIFFERENCE:
        meaning = "Sign-ins and links fail, and edits seem to be from the past or the future."
        return Answer(
            Level.FAILED, apart, meaning, "Synchronize this host’s clock with NTP.", fix="Set this host’s clock"
        )
    if abs(difference) > _MAX_USUAL_DIFFERENCE:
        meaning = "This still works. A difference of more than 60 s would not."
        return Answer(Level.WARNING, apart, meaning, "Synchronize this host’s clock with NTP.")
    return ok(apart, "Links and time limits work. With a difference of more than 60 s, they would not.")


FIRST = (
    Check("token", "Token", GROUP, "Signed in again as the application", token, EVERYTHING),
    Check("who-we-are", "Identity in the CRM", GROUP, "GET WhoAmI", who_we_are, EVERYTHING),
)
CHECKS = (
    *FIRST,
    Check(
        "application-user",
        "Application user",
        GROUP,
        "Read the portal’s user and its roles",
        application_user,
        EVERYTHING,
    ),
    Check("redirect-address", "Redirect address", GROUP, "Looked for people who signed in", redirect, asks_crm=False),
    Check("app-roles", "App roles", GROUP, "Counted people by role", app_roles, asks_crm=False),
    Check("clocks", "Clocks", GROUP, "Compared with the date in the CRM’s answer", clocks, EVERYTHING),
)
