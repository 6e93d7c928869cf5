"""The contract tests verify the sandbox: without one of its checks, the test named here fails.

Each check is removed from the running sandbox, which is in this process, and the named test is run.
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
    """A removed check, and the test that must fail."""

    without: Callable[[pytest.MonkeyPatch], None]
    test: Callable[..., None]
    given: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.without.__name__}-{self.test.__name__}"


WATCHED = [
    Watched(taken_out.any_version, test_writing.test_changed_contact_is_stale),
    Watched(taken_out.any_version, test_writing.test_changed_field_stops_contact_write),
    Watched(taken_out.any_version, test_switching.test_stale_owner_stops_no_other),
    Watched(taken_out.change_sets_in_pieces, test_writing.test_changed_field_stops_contact_write),
    Watched(taken_out.change_sets_in_pieces, test_switching.test_owner_filters_switched_all_or_none),
    Watched(
        taken_out.upsert_in_spite_of_if_match,
        test_switching.test_deleted_filter_never_recreated,
        {"any_version": True},
    ),
    Watched(
        taken_out.upsert_in_spite_of_if_match,
        test_upsert.test_missing_row_created_unless_forbidden,
        {"condition": {"If-Match": "*"}, "happens": "not there"},
    ),
    Watched(
        taken_out.if_none_match_ignored,
        test_upsert.test_existing_row_changed_unless_forbidden,
        {"condition": {"If-None-Match": "*"}, "status": 412},
    ),
    Watched(taken_out.any_query_for_others, test_filters.test_third_condition_hides_others_filters),
    Watched(taken_out.no_right_needed_for_others, test_filters.test_without_privilege_no_filters_returned),
    Watched(taken_out.any_number_of_requests, test_limits.test_without_limiter_requests_get_429),
    Watched(taken_out.any_execution_time, test_limits.test_without_limiter_execution_time_exceeded),
    Watched(taken_out.batches_charged_as_one, test_limits.test_without_limiter_execution_time_exceeded),
    Watched(taken_out.any_number_at_once, test_limits.test_without_limiter_concurrency_exceeded),
    Watched(taken_out.no_advice, test_limits.test_concurrency_hint_followed),
    Watched(taken_out.no_retry_after, test_limits.test_without_limiter_requests_get_429),
    Watched(taken_out.answers_in_another_order, test_writing.test_mark_is_read_back_unchanged),
    Watched(
        taken_out.batches_stop_at_the_first_failure,
        test_switching.test_stale_owner_stops_no_other,
    ),
    Watched(taken_out.no_privileges_needed, test_access.test_missing_privilege_forbids_table),
    Watched(taken_out.others_rights_added, test_access.test_impersonation_intersects_privileges),
    Watched(taken_out.others_rows_open, test_access.test_write_probe_fails_without_privilege),
    Watched(taken_out.unknown_object_ids_ignored, test_switching.test_unknown_entra_id_refused),
    Watched(taken_out.tokens_for_ever, test_troubles.test_expired_token_renewed_once),
    Watched(taken_out.any_code_verifier, test_sign_in.test_code_of_other_flow_refused, {"secret": "code_verifier"}),
    Watched(
        taken_out.deltas_from_the_last_page,
        test_change_tracking.test_change_between_pages_is_in_next_delta,
    ),
    Watched(taken_out.deletions_forgotten, test_change_tracking.test_delta_names_deleted_rows),
    Watched(
        taken_out.delta_links_for_ever, test_matrix.test_expired_link_raises_delta_expired, {"method": "staged_fields"}
    ),
    Watched(
        taken_out.disabled_users_act,
        test_switching.test_refused_impersonation_writes_nothing,
        {"trouble": "disable"},
    ),
    Watched(taken_out.impersonation_ignored, test_switching.test_impersonated_switch_recorded_as_owner),
    Watched(
        taken_out.impersonation_ignored,
        test_access.test_write_probe_changes_nothing,
        {"active": True, "acting": True},
    ),
]


@pytest.mark.parametrize("watched", WATCHED, ids=str)
def test_removed_check_fails_named_test(request: pytest.FixtureRequest, watched: Watched) -> None:
    names = [name for name in inspect.signature(watched.test).parameters if name not in watched.given]
    arguments = watched.given | {name: request.getfixturevalue(name) for name in names}

    with pytest.MonkeyPatch.context() as patch:
        watched.without(patch)
        with pytest.raises((AssertionError, pytest.fail.Exception, CrmError)):
            watched.test(**arguments)
