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
from tests.crm.contract import (
    taken_out,
    test_access,
    test_change_tracking,
    test_filters,
    test_limits,
    test_matrix,
    test_sign_in,
    test_switching,
    test_troubles,
    test_upsert,
    test_writing,
)


@dataclass(frozen=True)
class Watched:
    """A check as it is taken out, and the test that must notice."""

    without: Callable[[pytest.MonkeyPatch], None]
    test: Callable[..., None]
    given: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.without.__name__}-{self.test.__name__}"


WATCHED = [
    Watched(taken_out.any_version, test_writing.test_a_contact_that_changed_since_it_was_read_is_stale),
    Watched(taken_out.any_version, test_writing.test_a_field_that_changed_since_it_was_read_stops_the_contact_too),
    Watched(taken_out.any_version, test_switching.test_one_owner_who_changed_his_filters_stops_no_other),
    Watched(
        taken_out.change_sets_in_pieces, test_writing.test_a_field_that_changed_since_it_was_read_stops_the_contact_too
    ),
    Watched(taken_out.change_sets_in_pieces, test_switching.test_of_one_owners_filters_all_are_switched_or_none),
    Watched(
        taken_out.upsert_in_spite_of_if_match,
        test_switching.test_a_deleted_filter_is_never_made_anew,
        {"any_version": True},
    ),
    Watched(
        taken_out.upsert_in_spite_of_if_match,
        test_upsert.test_a_row_that_is_not_there,
        {"condition": {"If-Match": "*"}, "happens": "not there"},
    ),
    Watched(
        taken_out.if_none_match_ignored,
        test_upsert.test_a_row_that_is_there,
        {"condition": {"If-None-Match": "*"}, "status": 412},
    ),
    Watched(taken_out.any_query_for_others, test_filters.test_a_third_condition_hides_the_filters_of_others),
    Watched(taken_out.no_right_needed_for_others, test_filters.test_without_the_right_others_filters_are_not_there),
    Watched(taken_out.any_number_of_requests, test_limits.test_without_the_governor_requests_are_turned_away),
    Watched(taken_out.any_execution_time, test_limits.test_without_the_governor_the_execution_time_runs_out),
    Watched(taken_out.batches_charged_as_one, test_limits.test_without_the_governor_the_execution_time_runs_out),
    Watched(taken_out.any_number_at_once, test_limits.test_without_the_governor_too_many_at_once_are_turned_away),
    Watched(taken_out.no_advice, test_limits.test_the_advice_of_the_crm_is_followed),
    Watched(taken_out.no_retry_after, test_limits.test_without_the_governor_requests_are_turned_away),
    Watched(taken_out.answers_in_another_order, test_writing.test_the_mark_can_be_read_back_as_it_was_written),
    Watched(
        taken_out.batches_stop_at_the_first_failure,
        test_switching.test_one_owner_who_changed_his_filters_stops_no_other,
    ),
    Watched(taken_out.no_privileges_needed, test_access.test_without_the_privilege_a_table_is_forbidden),
    Watched(taken_out.others_rights_added, test_access.test_who_acts_for_another_has_only_what_both_may),
    Watched(taken_out.others_rows_open, test_access.test_writing_without_the_right_does_not_work),
    Watched(taken_out.unknown_object_ids_ignored, test_switching.test_an_unknown_entra_id_is_refused),
    Watched(taken_out.tokens_for_ever, test_troubles.test_an_expired_token_is_renewed_once_and_unseen),
    Watched(
        taken_out.any_code_verifier, test_sign_in.test_a_code_does_not_work_in_another_flow, {"secret": "code_verifier"}
    ),
    Watched(
        taken_out.deltas_from_the_last_page,
        test_change_tracking.test_what_changes_between_two_pages_is_in_the_next_delta,
    ),
    Watched(taken_out.deletions_forgotten, test_change_tracking.test_a_delta_names_what_was_deleted),
    Watched(
        taken_out.delta_links_for_ever, test_matrix.test_a_link_that_has_expired_says_so, {"method": "staged_fields"}
    ),
    Watched(
        taken_out.disabled_users_act,
        test_switching.test_who_cannot_be_acted_for_is_refused_and_nothing_is_written,
        {"trouble": "disable"},
    ),
    Watched(taken_out.impersonation_ignored, test_switching.test_in_the_owners_name_it_is_recorded_as_his),
    Watched(
        taken_out.impersonation_ignored,
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
