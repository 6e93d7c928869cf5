"""One run of all checks, in order. A check that fails unexpectedly becomes a finding and does not stop the others."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from syncapp.crm.errors import CredentialsRefused, CrmError, TokenUnavailable, Unreachable
from syncapp.crm.names import Names
from syncapp.models.person import Role
from syncapp.tenant.checks import (
    auditing,
    directions,
    filters,
    limits,
    privileges,
    sign_in,
    signature,
    synchronization,
    tables,
    tracking,
)
from syncapp.tenant.checks.context import Context
from syncapp.tenant.checks.findings import NOT_TRIED, Answer, Check, Finding, Level, not_asked
from syncapp.tenant.checks.words import answer_text

log = logging.getLogger(__name__)

_BLOCKING_ERRORS = (Unreachable, TokenUnavailable, CredentialsRefused)
Progress = Callable[[int, int, str], object]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The findings of a run, in order, with its duration and requests."""

    findings: tuple[Finding, ...]
    seconds: float
    requests: int


def all_checks(names: Names) -> tuple[Check, ...]:
    """Return every check, in the order in which they are run and shown."""
    return (
        *sign_in.CHECKS,
        *tables.checks(names),
        *privileges.checks(names),
        *tracking.checks(names),
        *auditing.CHECKS,
        *synchronization.CHECKS,
        *signature.CHECKS,
        *directions.CHECKS,
        *filters.CHECKS,
        *limits.CHECKS,
    )


def run_checks(context: Context, *, progress: Progress = lambda *_: None) -> CheckResult:
    """Run all checks and return their findings.

    `progress` is called with the number of checks done, the number of all checks, and the name of the next one.
    """
    started = time.monotonic()
    found: list[Finding] = []
    checks = all_checks(context.names)
    findings = iter_findings(context)
    for number, check in enumerate(checks):
        progress(number, len(checks), check.name)
        found.append(next(findings))
    return CheckResult(tuple(found), time.monotonic() - started, context.crm.requests_sent())


def iter_findings(context: Context, *, first: int = 0) -> Iterator[Finding]:
    """Yield the findings one by one, beginning with that of check number `first`."""
    checks = all_checks(context.names)
    blocking_error = _sign_in_error(checks[min(first, len(checks)) - 1], context) if first else None
    for check in checks[first:]:
        if blocking_error is not None and check.asks_crm:
            meaning = f"Nothing can be checked until this is corrected: {answer_text(blocking_error)}"
            yield Finding(check, not_asked(NOT_TRIED, meaning, "Correct the problem above first."))
            continue
        answer, error = run_check(check, context)
        blocking_error = blocking_error or error or (_sign_in_error(check, context) if check in sign_in.FIRST else None)
        yield Finding(check, answer)


def run_check(check: Check, context: Context) -> tuple[Answer, CrmError | None]:
    """Run a check; return its answer, and the error that makes further requests pointless, if any."""
    try:
        return check.run(context), None
    except CrmError as error:
        meaning = "This could not be read, so it is not known."
        answer = Answer(Level.UNKNOWN, answer_text(error), meaning, "See the privileges, or check again.")
        return answer, error if isinstance(error, _BLOCKING_ERRORS) else None
    except Exception as error:
        log.error("check %s: unexpected error", check.id, exc_info=error)
        meaning = "The check itself failed. The portal’s log has the details."
        return Answer(Level.UNKNOWN, f"unexpected error ({type(error).__name__})", meaning, "Report it."), None


def _sign_in_error(check: Check, context: Context) -> CrmError | None:
    """Return the sign-in error after which the remaining checks cannot ask the CRM, or None."""
    try:
        context.round_trip()
    except CrmError as error:
        # After the first check only a missing token blocks the next one, which reports any other error itself.
        gave_no_token = isinstance(error, TokenUnavailable | CredentialsRefused) and error.status is None
        return error if gave_no_token or check.run is not sign_in.token else None
    return None


def values_to_match(context: Context) -> Mapping[str, str]:
    """Return the values that must be the same in the settings, in the app registration and in the CRM."""
    try:
        organization = str(context.round_trip().identity.organization_id)
    except CrmError:
        organization = ""
    return {
        "CRM": settings.CRM_ORIGIN,
        "Organization id": organization,
        "Tenant id": settings.CRM_TENANT,
        "Application id (CRM)": settings.CRM_CLIENT_ID,
        "Application id (sign-in)": settings.SIGN_IN_CLIENT_ID,
        "Redirect address": sign_in.redirect_address(),
        "App role values": ", ".join(role.value for role in Role),
        "Staging tables": f"{context.names.record_table}, {context.names.field_table}",
        "Revision column": context.names.contact_revision or "not used",
        "Synchronization user": settings.CRM_SYNC_USER,
    }


def as_json(result: CheckResult, values: Mapping[str, str]) -> dict[str, Any]:
    """Return the document that `--json` prints and a stored check holds."""
    findings: Sequence[dict[str, Any]] = [finding.as_json() for finding in result.findings]
    return {"findings": findings, "values": dict(values)}
