"""The sign-in, our user, and the values that have to match the registration."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from pytest_django import Settings

from syncapp.connection import clients
from syncapp.models import Connection
from syncapp.models.person import Role
from syncapp.tenant.checks import run
from syncapp.tenant.checks.context import Context
from syncapp.tenant.checks.findings import Level
from syncapp.tenant.checks.sign_in import redirect_address
from tests.support.people import ada, make_person, rita
from tests.support.world import World
from tests.tenant.checks.conftest import WHO_AM_I, Ask, answer_of, answering


def test_token_check_shows_duration(ask: Ask) -> None:
    found = ask("token")

    assert found.level is Level.OK
    assert "after" in found.answer


def test_wrong_secret_fails_token_check(ask: Ask, settings: Settings) -> None:
    settings.CRM_CLIENT_SECRET = "wrong"

    found = ask("token")

    assert found.level is Level.FAILED
    assert "invalid_client" in found.answer


def test_silent_sign_in_service_fails_token_check(ask: Ask, company: World) -> None:
    company.faults({"path": "/oauth2/v2.0/token", "status": 503})

    assert ask("token").level is Level.FAILED


def test_our_user_is_found(ask: Ask) -> None:
    assert ask("who-we-are").level is Level.OK


@pytest.mark.parametrize("status", [401, 403])
def test_unknown_application_user_is_named(status: int) -> None:
    with answering({}, fails=("WhoAmI",), failing_status=status) as context:
        found = answer_of("who-we-are", context)
        token = answer_of("token", context)

    assert found.level is Level.FAILED
    assert "application user" in found.fix
    assert token.level is Level.OK


def test_silent_crm_fails_check_naming_crm_origin(ask: Ask, company: World) -> None:
    company.faults({"cut": "before_commit"})

    found = ask("who-we-are")

    assert found.level is Level.FAILED
    assert "CRM_ORIGIN" in found.remedy


@pytest.mark.parametrize(("is_other", "level"), [(True, Level.FAILED), (False, Level.OK)])
def test_other_organization_fails_check(ask: Ask, is_other: bool, level: Level) -> None:
    theirs = clients.crm().who_am_i().organization_id
    Connection.objects.create(organization_id=uuid4() if is_other else theirs, origin="https://contoso.example")

    assert ask("who-we-are").level is level


def test_roles_of_application_user_are_listed(ask: Ask) -> None:
    found = ask("application-user")

    assert (found.level, found.items) == (Level.OK, ("System Administrator",))


@pytest.mark.parametrize("application_id", [None, str(UUID(int=7))])
def test_other_account_causes_warning(application_id) -> None:
    user = {"systemuserid": str(uuid4()), "fullname": "Jonas Weber", "applicationid": application_id}

    with answering({"WhoAmI": WHO_AM_I, "systemusers": {**user, "systemuserroles_association": []}}) as context:
        assert answer_of("application-user", context).level is Level.WARNING


def test_redirect_address_is_unknown_before_first_sign_in(ask: Ask) -> None:
    found = ask("redirect-address")

    assert found.level is Level.UNKNOWN
    assert redirect_address() in found.answer

    rita()
    make_person("Ada", signed_in_at=timezone.now())
    assert ask("redirect-address").level is Level.OK


def test_app_roles_are_unknown_before_first_sign_in(ask: Ask) -> None:
    assert ask("app-roles").level is Level.UNKNOWN


def test_check_without_administrator_prints_app_role_values(ask: Ask) -> None:
    make_person("Rita", Role.REVIEWER, signed_in_at=timezone.now())
    found = ask("app-roles")

    assert found.level is Level.WARNING
    assert all(value in found.meaning for value in ("Viewer", "Reviewer", "FilterManager", "Administrator"))

    ada()
    assert ask("app-roles").level is Level.OK


@pytest.mark.parametrize(("apart", "level"), [(0, Level.OK), (20, Level.WARNING), (90, Level.FAILED)])
def test_large_clock_difference_is_reported(apart: int, level: Level) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=apart), usegmt=True)

    with answering({"WhoAmI": WHO_AM_I}, date=date) as context:
        assert answer_of("clocks", context).level is level


def test_answer_without_date_leaves_clocks_unknown() -> None:
    with answering({"WhoAmI": WHO_AM_I}) as context:
        assert answer_of("clocks", context).level is Level.UNKNOWN


def test_values_to_compare_are_complete(company: World, settings: Settings) -> None:
    values = run.values_to_match(Context(clients.crm(), clients.names()))

    assert values["Organization id"] == str(clients.crm().who_am_i().organization_id)
    assert values["Redirect address"] == f"{settings.BASE_URL}/sign-in/callback"
    assert values["App role values"] == "Viewer, Reviewer, FilterManager, Administrator"
    assert values["Application id (CRM)"] == settings.CRM_CLIENT_ID
