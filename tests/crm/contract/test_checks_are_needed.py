"""The contract tests watch the sandbox: take one of its checks out, and the test that is named here fails.

Each check is taken out of the running sandbox, which is in this process, and the named test is run against it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from syncapp.crm.errors import CrmError
from syncapp.sandbox import access, batch, operations, tracking, visibility
from syncapp.sandbox.errors import ApiError
from syncapp.sandbox.limits import Protection
from syncapp.sandbox.messages import Answer
from tests.crm.contract import (
    test_access,
    test_filters,
    test_limits,
    test_matrix,
    test_switching,
    test_upsert,
    test_writing,
)

Patch = pytest.MonkeyPatch


def any_version(patch: Patch) -> None:
    """`If-Match` with an ETag is not compared."""
    patch.setattr(operations, "_check", lambda _row, _conditions: None)


def upsert_in_spite_of_if_match(patch: Patch) -> None:
    """`If-Match` does not keep a row that is gone from being made anew."""
    honest = operations._create_by_upsert
    patch.setattr(
        operations,
        "_create_by_upsert",
        lambda transaction, address, body, _conditions: honest(transaction, address, body, operations.NO_CONDITIONS),
    )


def if_none_match_ignored(patch: Patch) -> None:
    """`If-None-Match: *` does not keep a row that is there from being updated."""
    honest = operations._check
    patch.setattr(operations, "_check", lambda row, given: honest(row, operations.Conditions(if_match=given.if_match)))


def change_sets_in_pieces(patch: Patch) -> None:
    """Each request of a change set is stored by itself."""

    def one_by_one(run: Any, change_set: batch.ChangeSet) -> list[Answer]:
        answers, made = [], {}  # type: ignore[var-annotated]  # as in the method that it stands for
        for part in change_set.parts:
            with run._store.write(run._outer.identity.author) as transaction:
                try:
                    answers.append(run._changing(transaction, part, made))
                except ApiError as error:
                    raise batch._PartFailed(error, part.content_id) from None
        return answers

    patch.setattr(batch._Run, "_in_one_transaction", one_by_one)


def any_query_for_others(patch: Patch) -> None:
    """Who holds the right sees others' filters by any query."""
    patch.setattr(visibility, "is_query_for_one_owner", lambda _text: True)


def no_right_needed_for_others(patch: Patch) -> None:
    """The two conditions are enough, without prvAdminFilter."""
    patch.setattr(visibility, "may_query_others", lambda _rights, text: visibility.is_query_for_one_owner(text))


def no_limits(patch: Patch) -> None:
    """Nobody is turned away, however much he asks for."""
    patch.setattr(Protection, "_refuse", lambda *_: None)


def disabled_users_act(patch: Patch) -> None:
    """One may act for somebody who is disabled or has no role."""
    patch.setattr(access, "_must_be_able", lambda _user: None)


def impersonation_ignored(patch: Patch) -> None:
    """Every call runs as the user of the token."""
    patch.setattr(access, "_impersonated", lambda _store, _headers: None)


def delta_links_for_ever(patch: Patch) -> None:
    """Delta links work although the CRM forgot what they stand for."""
    honest = tracking._valid
    patch.setattr(
        tracking,
        "_valid",
        lambda connection, text, newest: honest(connection, f"{text.rpartition('!')[0]}!{newest.epoch}", newest),
    )


@dataclass(frozen=True)
class Watched:
    """A check as it is taken out, and the test that must notice."""

    without: Callable[[Patch], None]
    test: Callable[..., None]
    given: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.without.__name__}-{self.test.__name__}"


WATCHED = [
    Watched(any_version, test_writing.test_a_contact_that_changed_since_it_was_read_is_stale),
    Watched(any_version, test_writing.test_a_field_that_changed_since_it_was_read_stops_the_contact_too),
    Watched(any_version, test_switching.test_one_owner_who_changed_his_filters_stops_no_other),
    Watched(change_sets_in_pieces, test_writing.test_a_field_that_changed_since_it_was_read_stops_the_contact_too),
    Watched(change_sets_in_pieces, test_switching.test_of_one_owners_filters_all_are_switched_or_none),
    Watched(
        upsert_in_spite_of_if_match, test_switching.test_a_deleted_filter_is_never_made_anew, {"any_version": True}
    ),
    Watched(
        upsert_in_spite_of_if_match,
        test_upsert.test_a_row_that_is_not_there,
        {"condition": {"If-Match": "*"}, "happens": "not there"},
    ),
    Watched(
        if_none_match_ignored,
        test_upsert.test_a_row_that_is_there,
        {"condition": {"If-None-Match": "*"}, "status": 412},
    ),
    Watched(any_query_for_others, test_filters.test_a_third_condition_hides_the_filters_of_others),
    Watched(no_right_needed_for_others, test_filters.test_without_the_right_others_filters_are_not_there),
    Watched(no_limits, test_limits.test_without_the_governor_requests_are_turned_away),
    Watched(no_limits, test_limits.test_without_the_governor_the_execution_time_runs_out),
    Watched(delta_links_for_ever, test_matrix.test_a_link_that_has_expired_says_so, {"method": "staged_fields"}),
    Watched(
        disabled_users_act,
        test_switching.test_who_cannot_be_acted_for_is_refused_and_nothing_is_written,
        {"trouble": "disable"},
    ),
    Watched(impersonation_ignored, test_switching.test_in_the_owners_name_it_is_recorded_as_his),
    Watched(
        impersonation_ignored,
        test_access.test_writing_is_tried_without_changing_anything,
        {"active": True, "acting": True},
    ),
]


@pytest.mark.parametrize("watched", WATCHED, ids=str)
def test_without_the_check_the_named_test_fails(request: pytest.FixtureRequest, watched: Watched) -> None:
    names = [name for name in inspect.signature(watched.test).parameters if name not in watched.given]
    arguments = watched.given | {name: request.getfixturevalue(name) for name in names}

    with pytest.MonkeyPatch.context() as patch:
        watched.without(patch)
        with pytest.raises((AssertionError, pytest.fail.Exception, CrmError)):
            watched.test(**arguments)
