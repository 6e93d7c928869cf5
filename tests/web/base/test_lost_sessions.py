"""Sessions that cannot be saved."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import DatabaseError, OperationalError, connection

from syncapp.web.base.access import SIGNED_IN_AT
from syncapp.web.sign_in.session_limits import ACTIVE_AT
from tests.support.people import browser, rita

pytestmark = pytest.mark.django_db


def status_after(error: Exception) -> int:
    """Return the status of a request whose session cannot be saved."""
    client = browser(rita())
    session = client.session
    session[ACTIVE_AT] = session[SIGNED_IN_AT] - 120
    session.save()

    def fail(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("UPDATE") and Session._meta.db_table in sql:
            raise error
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail):
        return client.get("/review/").status_code


def test_database_outage_returns_503() -> None:
    assert status_after(OperationalError("the connection is lost")) == 503


def test_deleted_session_returns_400() -> None:
    assert status_after(DatabaseError("no row was changed")) == 400
