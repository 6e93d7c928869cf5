"""Checks of the signature of Outlook edits, and of what only a real mailbox can show."""

from __future__ import annotations

import json

import pytest

from syncapp.connection import clients
from syncapp.crm.names import Names
from syncapp.tenant.checks.context import Context
from syncapp.tenant.checks.findings import Level
from tests.sync_filters.users import make_user
from tests.tenant.checks.conftest import Ask, answer_of, answering
from tests.tenant.checks.test_auditing import CONTACT, ago, changed, entry

SIGNER = "00000000-0000-4000-8000-0000000000aa"
SOMEBODY = "00000000-0000-4000-8000-0000000000bb"
USERS = {"fullname%20eq": {"value": [{"systemuserid": SIGNER}]}}
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("number", "level"), [(0, Level.WARNING), (1, Level.OK), (2, Level.WARNING)])
def test_signing_user_is_found_by_name(number, level) -> None:
    found = [{"systemuserid": SIGNER}, {"systemuserid": SOMEBODY}][:number]

    with answering({"systemusers": {"value": found}}) as context:
        assert answer_of("sync-user", context).level is level


@pytest.mark.parametrize(("count", "level"), [(312, Level.OK), (0, Level.WARNING)])
def test_signed_changes_are_counted(count, level) -> None:
    with answering(USERS | {"/contacts": {"@odata.count": count, "value": []}}) as context:
        found = answer_of("sync-user-signs", context)

    assert found.level is level
    assert f"{count} contact changes" in found.answer


def test_changes_are_not_counted_without_signing_user() -> None:
    with answering({}) as context:
        assert answer_of("sync-user-signs", context).level is Level.UNKNOWN


@pytest.mark.parametrize(
    ("signed_by", "entries", "level"),
    [
        (SIGNER, [entry(CONTACT, ago(20), _callinguserid_value=SIGNER)], Level.OK),
        (SIGNER, [entry(CONTACT, ago(20), _callinguserid_value=None)], Level.WARNING),
        (SIGNER, [], Level.UNKNOWN),
        (SOMEBODY, [], Level.UNKNOWN),
    ],
)
def test_signature_in_audit_log_is_read(signed_by, entries, level) -> None:
    change = changed(CONTACT, ago(20), _modifiedonbehalfby_value=signed_by)
    answers = USERS | {"/contacts": {"value": [change]}, "/audits": {"value": entries}}

    with answering(answers) as context:
        assert answer_of("sync-user-audited", context).level is level


def change_data(**values: str) -> str:
    listed = [{"logicalName": name, "oldValue": None, "newValue": value} for name, value in values.items()]
    return json.dumps({"changedAttributes": listed})


@pytest.mark.parametrize(
    ("texts", "level"),
    [
        ([change_data(pager="2")], Level.OK),
        (["", change_data(pager="2")], Level.OK),
        ([""], Level.WARNING),
        (["{}"], Level.WARNING),
        ([], Level.UNKNOWN),
    ],
)
def test_changed_columns_of_entries_are_read(texts, level) -> None:
    entries = [entry(CONTACT, ago(5), changedata=text) for text in texts]

    with answering({"/audits": {"value": entries}}) as context:
        assert answer_of("audit-change-data", context).level is level


@pytest.mark.parametrize(("status", "level"), [(400, Level.WARNING), (403, Level.UNKNOWN)])
def test_refused_request_for_changed_columns_is_reported(status, level) -> None:
    with answering({}, fails=("changedata",), failing_status=status) as context:
        assert answer_of("audit-change-data", context).level is level


@pytest.mark.parametrize(
    ("values", "level", "said"),
    [
        ({"birthdate": "1984-05-06", "creditlimit": "12.50"}, Level.OK, "birthdate 9999-99-99; creditlimit 99.99"),
        ({"pager": "2"}, Level.UNKNOWN, "no change to such a column"),
    ],
)
def test_changed_values_are_shown_masked(ask: Ask, values, level, said) -> None:
    columns = Context(clients.crm(), Names()).columns("contact")
    entries = [entry(CONTACT, ago(5), changedata=change_data(**values))]

    with answering({"/audits": {"value": entries}}) as context:
        context.once(("columns", "contact"), lambda: columns)
        found = answer_of("audit-change-data-forms", context)

    assert (found.level, found.answer) == (level, said)
    assert "several choices" in (found.meaning if level is Level.OK else found.remedy)


@pytest.mark.parametrize(("method", "level"), [(1, Level.OK), (2, Level.WARNING), (None, Level.UNKNOWN)])
def test_synchronized_people_are_counted(method, level) -> None:
    if method is not None:
        make_user("Marta Villanueva", method=method)

    with answering({}) as context:
        assert answer_of("mailboxes", context).level is level


def test_outlook_handling_of_rejections_stays_unknown(ask: Ask) -> None:
    assert ask("follows-rejection").level is Level.UNKNOWN
