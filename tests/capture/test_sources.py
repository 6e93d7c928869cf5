"""The source of a change, by the evidence in its entry and its row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncapp.capture import sources
from syncapp.capture.sources import KnownUsers, Revision
from syncapp.crm.audits.records import Action, AuditEntry, Operation
from syncapp.crm.contact_changes import ContactChange
from syncapp.models.capture.entry import Evidence, Source
from syncapp.models.capture.settings import CaptureRule

OWN, SIGNER, ERP, MARTA, RAHUL = (UUID(int=number) for number in range(1, 6))
CONTACT, ENTRY = UUID(int=10), UUID(int=11)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
KNOWN = KnownUsers(OWN, frozenset({SIGNER}), frozenset({ERP, SIGNER}))


def entry(user: UUID | None = MARTA, calling: UUID | None = None, *, action: int = Action.UPDATE) -> AuditEntry:
    return AuditEntry(ENTRY, NOON, Operation.UPDATE, action, CONTACT, user, calling, None)


def row(user: UUID | None = MARTA, signed_by: UUID | None = None, *, at: datetime = NOON) -> ContactChange:
    return ContactChange(CONTACT, at, NOON - timedelta(days=90), user, signed_by)


@pytest.mark.parametrize(
    ("user", "calling", "signed_by", "revision", "source", "evidence"),
    [
        (OWN, None, None, Revision.NOT_RAISED, Source.OURS, Evidence.OWN_USER),
        (OWN, SIGNER, SIGNER, Revision.RAISED, Source.OURS, Evidence.OWN_USER),
        (MARTA, OWN, None, Revision.NOT_RAISED, Source.OURS, Evidence.OWN_USER),
        (MARTA, SIGNER, None, Revision.NOT_RAISED, Source.OUTLOOK, Evidence.CALLING_USER),
        (MARTA, SIGNER, None, Revision.RAISED, Source.OUTLOOK, Evidence.CALLING_USER),
        (None, SIGNER, None, Revision.UNKNOWN, Source.OUTLOOK, Evidence.CALLING_USER),
        (MARTA, None, SIGNER, Revision.NOT_RAISED, Source.OUTLOOK, Evidence.DELEGATE),
        (MARTA, None, None, Revision.RAISED, Source.FORM, Evidence.REVISION),
        (ERP, None, None, Revision.RAISED, Source.FORM, Evidence.REVISION),
        (ERP, None, None, Revision.NOT_RAISED, Source.PROGRAM, Evidence.APPLICATION),
        (MARTA, ERP, None, Revision.UNKNOWN, Source.PROGRAM, Evidence.APPLICATION),
        # The synchronization's user also runs automatic rules: as the user of an entry it proves nothing.
        (SIGNER, None, None, Revision.NOT_RAISED, Source.PROGRAM, Evidence.APPLICATION),
        (MARTA, None, None, Revision.NOT_RAISED, Source.UNKNOWN, Evidence.NONE),
        (MARTA, RAHUL, RAHUL, Revision.UNKNOWN, Source.UNKNOWN, Evidence.NONE),
        (None, None, None, Revision.UNKNOWN, Source.UNKNOWN, Evidence.NONE),
    ],
)
def test_source_follows_order_of_evidence(user, calling, signed_by, revision, source, evidence) -> None:
    of_row = row(user, signed_by) if signed_by else None

    found = sources.conclude(entry(user, calling), KNOWN, revision=revision, row=of_row)

    assert (found.source, found.evidence) == (source, evidence)


@pytest.mark.parametrize(
    ("of_row", "moments", "belongs"),
    [
        (row(), [NOON], True),
        (row(), [NOON - timedelta(seconds=1), NOON], True),
        (row(at=NOON + timedelta(milliseconds=400)), [NOON], True),
        (row(RAHUL), [NOON], False),
        (row(at=NOON + timedelta(seconds=1)), [NOON], False),
        (row(at=NOON - timedelta(seconds=1)), [NOON], False),
        (row(), [NOON, NOON + timedelta(seconds=1)], False),
        (row(), [NOON, NOON], False),
        (replace(row(), modified_on=None), [NOON], False),
    ],
)
def test_row_belongs_to_newest_entry_only(of_row, moments, belongs) -> None:
    assert sources.belongs_to(of_row, entry(), moments) is belongs


@pytest.mark.parametrize(
    ("old", "new", "is_changed", "is_audited", "found"),
    [
        (3, 4, True, True, Revision.RAISED),
        (None, 1, True, True, Revision.RAISED),
        (3, 4, True, False, Revision.RAISED),
        (4, 3, True, True, Revision.NOT_RAISED),
        (4, None, True, True, Revision.NOT_RAISED),
        (None, None, False, True, Revision.NOT_RAISED),
        (None, None, False, False, Revision.UNKNOWN),
    ],
)
def test_revision_counts_only_when_raised(old, new, is_changed, is_audited, found) -> None:
    assert sources.revision_of(old, new, is_changed, is_audited=is_audited) is found


@pytest.mark.parametrize(
    ("source", "lacks_revision", "is_listed", "signed", "original"),
    [
        (Source.OUTLOOK, True, False, True, True),
        (Source.OUTLOOK, False, False, True, True),
        (Source.OURS, True, False, False, False),
        (Source.FORM, False, False, False, False),
        (Source.PROGRAM, True, False, False, True),
        (Source.PROGRAM, True, True, False, False),
        (Source.UNKNOWN, True, False, False, True),
        (Source.UNKNOWN, False, False, False, False),
    ],
)
def test_only_original_rule_claims_unsigned_changes(source, lacks_revision, is_listed, signed, original) -> None:
    found = [
        sources.counts_as_outlook(source, lacks_revision=lacks_revision, rule=rule, is_listed_program=is_listed)
        for rule in (CaptureRule.SIGNED, CaptureRule.ORIGINAL)
    ]

    assert found == [signed, original]


@pytest.mark.parametrize("action", [Action.CREATE, Action.DELETE, Action.MERGE, Action.ASSIGN, Action.SET_STATE, 99])
def test_actions_other_than_updates_end_baselines(action) -> None:
    assert sources.ends_baselines(entry(action=action))
    assert not sources.ends_baselines(entry())


@pytest.mark.parametrize(("seconds", "passes"), [(-1, False), (0, True), (120, True), (121, False)])
def test_updates_soon_after_creation_are_let_through(seconds, passes) -> None:
    later = NOON + timedelta(seconds=seconds)

    assert sources.completes_creation(later, [NOON]) is passes
    assert not sources.completes_creation(later, [])


USERS = st.sampled_from([None, OWN, SIGNER, ERP, MARTA, RAHUL])
MOMENTS = st.integers(-2, 2).map(lambda seconds: NOON + timedelta(seconds=seconds))


@settings(deadline=None)
@given(USERS, USERS, USERS, USERS, MOMENTS, st.lists(MOMENTS, max_size=4), st.sampled_from(Revision))
def test_only_signed_changes_are_from_outlook(user, calling, modifier, signer, at, others, revision) -> None:
    given_entry, given_row = entry(user, calling), row(modifier, signer, at=at)
    belongs = sources.belongs_to(given_row, given_entry, [NOON, *others])

    found = sources.conclude(given_entry, KNOWN, revision=revision, row=given_row if belongs else None)

    is_signed = calling == SIGNER or (signer == SIGNER and modifier == user and at == NOON == max([NOON, *others]))
    assert found.source != Source.OUTLOOK or is_signed
    assert (found.source == Source.OURS) is (OWN in (user, calling))


@settings(deadline=None)
@given(USERS, USERS, USERS, USERS, st.sampled_from(Revision))
def test_modified_by_proves_nothing(user, calling, first, second, revision) -> None:
    """A row that does not belong to the entry is never looked at, and Modified By proves nothing."""
    found = {
        sources.conclude(entry(user, calling), KNOWN, revision=revision, row=row(modifier, MARTA))
        for modifier in (first, second)
    }

    assert len(found) == 1
