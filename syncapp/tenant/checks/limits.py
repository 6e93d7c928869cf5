"""Checks of the CRM's limits, and of the expiry of secrets and certificates."""

from __future__ import annotations

from django.conf import settings

from syncapp.connection import credentials, usage
from syncapp.crm.rate_limit.limiter import Limits
from syncapp.tenant.checks.context import Context
from syncapp.tenant.checks.findings import EVERYTHING, Answer, Check, Level, ok
from syncapp.tenant.checks.words import seconds
from syncapp.text.localization import number

GROUP = "Limits and expiry"
_LOW_SHARE, _HIGH_SHARE = 0.1, 0.8


def protection(context: Context) -> Answer:
    """Read how much of the five-minute limits is left, and whether the CRM has asked the portal to pause."""
    status = context.crm.limiter_status()
    limit = Limits().requests
    if status.paused_for > 0:
        meaning = "The CRM asked for a pause. Everything waits until it is over."
        remedy = "Wait. If it happens again, look for another program that uses the same application user."
        return Answer(Level.WARNING, f"paused for {seconds(status.paused_for)} more", meaning, remedy)
    left = context.round_trip().requests_left
    if left is None:
        return ok(
            f"at most {number(int(limit))}; the CRM does not report how many are left",
            "The CRM has not slowed the portal down.",
        )
    answer = f"{number(left)} left of {number(int(limit))} in 5 minutes"
    if left < limit * _LOW_SHARE:
        meaning = "The CRM will soon ask for a pause."
        return Answer(Level.WARNING, answer, meaning, "Look for another program that uses the same application user.")
    return ok(answer, "The CRM has not slowed the portal down.")


def requests_per_day(_context: Context) -> Answer:
    """Compare the portal's requests per day with the number that the tenant's licenses allow."""
    today, yesterday = usage.of_day() or 0, usage.of_day(days_ago=1)
    busiest = max(today, yesterday or 0)
    allowance = settings.CRM_DAILY_ALLOWANCE
    answer = f"{number(today)} of {number(allowance)} since midnight UTC"
    answer += f", {number(yesterday)} yesterday" if yesterday is not None else ""
    if busiest > allowance * _HIGH_SHARE:
        meaning = "All applications of the tenant share the allowance. Beyond it, Microsoft may slow them down."
        remedy = (
            "Set CRM_DAILY_ALLOWANCE to what the licenses allow, or read less often (PULL_SECONDS, INVENTORY_SECONDS)."
        )
        return Answer(Level.WARNING, answer, meaning, remedy)
    return ok(answer, "Well below what the tenant’s licenses allow.")


def credential_expiry(_context: Context) -> Answer:
    """Report when the secrets and certificates expire; one that stays valid is enough."""
    try:
        expiries = credentials.expiries()
    except ValueError as error:
        meaning = "After a restart, nothing is read or written, and no one can sign in."
        return Answer(Level.FAILED, str(error), meaning, "Correct the certificate.", fix="Correct the certificate")
    answer = " ".join(expiry.sentence for expiry in expiries) or "no secret and no certificate"
    known = [expiry.days_left for expiry in expiries if expiry.days_left is not None]
    meaning = (
        "After that day, nothing is read or written, and no one can sign in. A mail is sent 30, 14 and 3 days before."
    )
    if known and max(known) > credentials.WARN_AT_DAYS[0]:
        return ok(answer, meaning)
    if len(known) < len(expiries):
        remedy = (
            "Look up the expiration dates in the app registration, and set one for each secret, for example "
            "CRM_CLIENT_SECRET_ENDS=2027-05-31."
        )
        return Answer(Level.UNKNOWN, answer, meaning, remedy)
    remedy = "Add another secret or a certificate. Both work until the first one expires."
    if known and max(known) >= 0:
        return Answer(Level.WARNING, answer, meaning, remedy)
    return Answer(Level.FAILED, answer, meaning, remedy, fix="Replace the secret or certificate")


CHECKS = (
    Check(
        "credentials",
        "Secrets and certificates",
        GROUP,
        "Read when each expires",
        credential_expiry,
        EVERYTHING,
        asks_crm=False,
    ),
    Check(
        "requests-per-day",
        "Requests per day",
        GROUP,
        "Counted the portal’s own requests",
        requests_per_day,
        EVERYTHING,
        asks_crm=False,
    ),
    Check("protection-limits", "Requests in 5 minutes", GROUP, "Read the headers of an answer", protection, EVERYTHING),
)
