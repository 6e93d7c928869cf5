"""Who signs what Outlook saves, and what only a real mailbox can show."""

from __future__ import annotations

import json

import pytest

from syncapp.tenant.checks.findings import Level
from tests.sync_filters.users import make_user
from tests.tenant.checks.conftest import Ask, answer_of, answering
from tests.tenant.checks.test_auditing import CONTACT, ago, changed, entry

SIGNER = "00000000-0000-4000-8000-0000000000aa"
SOMEBODY = "00000000-0000-4000-8000-0000000000bb"
USERS = {"fullname%20eq": {"value": [{"systemuserid": SIGNER}]}}
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("number", "level"), [(0, Level.WARNING), (1, Level.OK), (2, Level.WARNING)])
def test_signing_user_is_looked_for(number, level) -> None:
    found = [{"systemuserid": SIGNER}, {"systemuserid": SOMEBODY}][:number]

    with answering({"systemusers": {"value": found}}) as context:
        assert answer_of("sync-user", context).level is level


@pytest.mark.parametrize(("count", "level"), [(312, Level.OK), (0, Level.WARNING)])
def test_signed_changes_are_counted(count, level) -> None:
    with answering(USERS | {"/contacts": {"@odata.count": count, "value": []}}) as context:
        found = answer_of("sync-user-signs", context)

    assert found.level is level
    assert f"{count} contact changes" in found.answer


def test_without_signing_user_nothing_is_counted() -> None:
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


CHANGED = json.dumps({"changedAttributes": [{"logicalName": "pager", "oldValue": "1", "newValue": "2"}]})


@pytest.mark.parametrize(
    ("text", "entries", "level"),
    [(CHANGED, 1, Level.OK), ("", 1, Level.WARNING), ("{}", 1, Level.WARNING), ("", 0, Level.UNKNOWN)],
)
def test_changed_columns_of_entry_are_read(text, entries, level) -> None:
    answers = {"audits(": {"auditid": CONTACT, "changedata": text}}
    answers |= {"/audits": {"value": [entry(CONTACT, ago(5))] * entries}}

    with answering(answers) as context:
        assert answer_of("audit-change-data", context).level is level


def test_refused_changed_columns_are_noted() -> None:
    with answering({"/audits?": {"value": [entry(CONTACT, ago(5))]}}, fails=("audits(",)) as context:
        assert answer_of("audit-change-data", context).level is Level.WARNING


@pytest.mark.parametrize(("method", "level"), [(1, Level.OK), (2, Level.WARNING), (None, Level.UNKNOWN)])
def test_synchronized_people_are_counted(method, level) -> None:
    if method is not None:
        make_user("Marta Villanueva", method=method)

    with answering({}) as context:
        assert answer_of("mailboxes", context).level is level


def test_rejection_in_outlook_is_never_claimed(ask: Ask) -> None:
    assert ask("follows-rejection").level is Level.UNKNOWN
