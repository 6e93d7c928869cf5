"""Access to other users' filters, by probes that are judged by what is read back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from syncapp.connection import clients
from syncapp.crm.client import CrmClient
from syncapp.crm.deadline import Deadline
from syncapp.crm.errors import Throttled
from syncapp.crm.names import Names
from syncapp.crm.rate_limit.in_process import InProcessLimiter
from syncapp.crm.rate_limit.limiter import Lane, Limits
from syncapp.crm.transport import Transport
from syncapp.models import DailyOperations, FilterAccess
from syncapp.models.sync_filters.filter import Access
from syncapp.tenant.checks.context import Context
from syncapp.tenant.checks.findings import Level
from syncapp.tenant.privileges import ACT_FOR_OTHERS, ADMIN_FILTER
from tests.crm.local_server import FixedToken, Received, json_answer, serve
from tests.support.world import World
from tests.tenant.checks.conftest import WHO_AM_I, Ask, answer_of, answering

BOTH_WAYS = (ADMIN_FILTER, ACT_FOR_OTHERS)


@pytest.mark.parametrize(
    ("without", "level"),
    [((), Level.OK), ((ADMIN_FILTER,), Level.WARNING), (BOTH_WAYS, Level.FAILED)],
)
def test_read_check_finds_working_access(ask: Ask, company: World, without, level) -> None:
    company.take_away(*without)

    assert ask("filters.reading").level is level


def test_refused_impersonation_causes_warning(ask: Ask, company: World) -> None:
    assert ask("filters.impersonation").level is Level.OK

    company.take_away(ACT_FOR_OTHERS)

    assert ask("filters.impersonation").level is Level.WARNING


PERSON = "00000000-0000-4000-8000-00000000000f"


def test_ignored_impersonation_causes_warning() -> None:
    person = {"systemuserid": PERSON, "_defaultmailbox_value": PERSON, "systemuserroles_association": [{"roleid": "1"}]}

    with answering({"WhoAmI": WHO_AM_I, "/systemusers": {"value": [person]}}) as context:
        found = answer_of("filters.impersonation", context)

    assert (found.level, found.answer) == (Level.WARNING, "ignored without an error")


def test_check_without_comparison_user_stays_unknown() -> None:
    with answering({"WhoAmI": WHO_AM_I}) as context:
        for check_id in ("filters.reading", "filters.impersonation"):
            assert answer_of(check_id, context).level is Level.UNKNOWN


def test_writing_is_tried_only_on_request(ask: Ask, company: World) -> None:
    found = ask("filters.writing")

    assert (found.level, "--probe-writes" in found.command) == (Level.UNKNOWN, True)
    assert company.ledger() == []


@pytest.mark.parametrize(("known", "level"), [(Access.DIRECT, Level.OK), (Access.NONE, Level.FAILED)])
def test_earlier_writes_replace_the_probe(ask: Ask, known, level) -> None:
    FilterAccess.objects.create(slot=1, writing=known, writing_probed_at=timezone.now())

    assert ask("filters.writing").level is level


@pytest.mark.parametrize(
    ("without", "level"),
    [((), Level.OK), ((ADMIN_FILTER,), Level.WARNING), (("prvWriteUserQuery",), Level.FAILED)],
)
def test_writing_probe_changes_no_state(ask: Ask, company: World, without, level) -> None:
    clients.check_organization(clients.crm().who_am_i().organization_id)
    before = states(company)
    company.take_away(*without)

    found = ask("filters.writing", probes_writes=True)

    assert found.level is level
    assert states(company) == before


def test_writing_probe_is_skipped_on_read_only_connection(ask: Ask, company: World, settings) -> None:
    settings.CRM_ENABLE_WRITES = False
    clients.check_organization(clients.crm().who_am_i().organization_id)

    assert ask("filters.writing", probes_writes=True).level is Level.UNKNOWN
    assert company.ledger() == []


def states(company: World) -> dict[str, int]:
    token = company._post("token", {"user": "# Outlook Sync Portal"})["access_token"]
    answer = company._session.get(
        f"{company.url}/api/data/v9.2/userqueries", headers={"Authorization": f"Bearer {token}"}
    )
    return {row["userqueryid"]: row["statecode"] for row in answer.json()["value"]}


@pytest.mark.parametrize(("today", "level"), [(2_310, Level.OK), (24_000, Level.WARNING)])
def test_many_daily_requests_are_reported(ask: Ask, today: int, level: Level) -> None:
    DailyOperations.objects.create(day=datetime.now(UTC).date(), number=today)

    found = ask("requests-per-day")

    assert found.level is level
    assert f"{today:,} of 25,000" in found.answer


@pytest.mark.parametrize(
    ("days", "level"), [(60, Level.OK), (24, Level.WARNING), (-1, Level.FAILED), (None, Level.UNKNOWN)]
)
def test_expiring_secret_is_reported(ask: Ask, settings: Settings, days: int | None, level: Level) -> None:
    settings.CRM_CLIENT_SECRET_ENDS = None if days is None else datetime.now(UTC).date() + timedelta(days=days)

    assert ask("credentials").level is level


def test_valid_second_secret_replaces_expired_one(ask: Ask, settings: Settings) -> None:
    today = datetime.now(UTC).date()
    settings.CRM_CLIENT_SECRET_ENDS = today - timedelta(days=1)
    settings.CRM_CLIENT_SECRET_2, settings.CRM_CLIENT_SECRET_2_ENDS = "second", today + timedelta(days=300)

    assert ask("credentials").level is Level.OK


def test_unreadable_certificate_fails_check(settings: Settings) -> None:
    settings.CRM_CLIENT_CERTIFICATE = "not a certificate"

    with answering({}) as context:
        assert answer_of("credentials", context).level is Level.FAILED


@pytest.mark.parametrize(("left", "level"), [("5900", Level.OK), ("12", Level.WARNING)])
def test_few_remaining_requests_are_reported(left, level) -> None:
    with answering({"WhoAmI": WHO_AM_I}, x_ms_ratelimit_burst_remaining_xrm_requests=left) as context:
        assert answer_of("protection-limits", context).level is level


def test_pause_requested_by_crm_causes_warning() -> None:
    def throttled(_request: Received) -> bytes:
        return json_answer({"error": {"code": "0x80072322", "message": "Too many."}}, 429, retry_after="30")

    with serve(throttled) as server:
        transport = Transport(
            origin=server.origin, token_source=FixedToken(), rate_limiter=InProcessLimiter(Limits()), lane=Lane.BULK
        )
        context = Context(CrmClient(transport=transport), Names())
        with pytest.raises(Throttled):
            context.crm.who_am_i(deadline=Deadline.after(1))

        found = answer_of("protection-limits", context)

    assert (found.level, "paused for" in found.answer) == (Level.WARNING, True)


def test_answer_without_limit_header_is_ok() -> None:
    with answering({"WhoAmI": WHO_AM_I}) as context:
        assert answer_of("protection-limits", context).level is Level.OK
