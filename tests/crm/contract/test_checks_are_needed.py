"""Proof that the contract tests verify the sandbox: if one of its checks is removed, the test named here fails.

The sandbox runs in this process, so a check can be removed while it runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from syncapp.crm.errors import CrmError
from tests.crm.contract import (
    removed_checks,
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
class RemovedCheck:
    """A removed check, and the test that must fail."""

    without: Callable[[pytest.MonkeyPatch], None]
    test: Callable[..., None]
    given: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.without.__name__}-{self.test.__name__}"


REMOVED_CHECKS = [
    RemovedCheck(removed_checks.ignore_etags, test_writing.test_write_to_changed_contact_is_stale),
    RemovedCheck(removed_checks.ignore_etags, test_writing.test_changed_field_stops_contact_write),
    RemovedCheck(removed_checks.ignore_etags, test_switching.test_stale_filter_does_not_stop_other_owners),
    RemovedCheck(removed_checks.commit_requests_separately, test_writing.test_changed_field_stops_contact_write),
    RemovedCheck(
        removed_checks.commit_requests_separately, test_switching.test_filters_of_owner_are_switched_all_or_none
    ),
    RemovedCheck(
        removed_checks.ignore_if_match_of_missing_rows,
        test_switching.test_deleted_filter_is_never_recreated,
        {"any_version": True},
    ),
    RemovedCheck(
        removed_checks.ignore_if_match_of_missing_rows,
        test_upsert.test_missing_row_is_created_unless_header_forbids_it,
        {"condition": {"If-Match": "*"}, "outcome": "not found"},
    ),
    RemovedCheck(
        removed_checks.ignore_if_none_match,
        test_upsert.test_existing_row_is_changed_unless_header_forbids_it,
        {"condition": {"If-None-Match": "*"}, "status": 412},
    ),
    RemovedCheck(removed_checks.allow_any_filter_query, test_filters.test_third_condition_hides_other_users_filters),
    RemovedCheck(removed_checks.skip_filter_privilege, test_filters.test_no_filters_are_returned_without_privilege),
    RemovedCheck(removed_checks.remove_request_limit, test_limits.test_calls_without_limiter_exceed_request_limit),
    RemovedCheck(
        removed_checks.remove_execution_limit, test_limits.test_calls_without_limiter_exceed_execution_time_limit
    ),
    RemovedCheck(
        removed_checks.charge_batches_as_one, test_limits.test_calls_without_limiter_exceed_execution_time_limit
    ),
    RemovedCheck(
        removed_checks.remove_concurrency_limit, test_limits.test_call_without_limiter_exceeds_concurrency_limit
    ),
    RemovedCheck(removed_checks.omit_concurrency_hint, test_limits.test_concurrency_hint_is_followed),
    RemovedCheck(removed_checks.omit_retry_after, test_limits.test_calls_without_limiter_exceed_request_limit),
    RemovedCheck(removed_checks.reverse_batch_answers, test_writing.test_mark_is_read_back_unchanged),
    RemovedCheck(
        removed_checks.ignore_continue_on_error,
        test_switching.test_stale_filter_does_not_stop_other_owners,
    ),
    RemovedCheck(removed_checks.skip_privilege_checks, test_access.test_missing_privilege_forbids_reading_table),
    RemovedCheck(removed_checks.add_impersonated_privileges, test_access.test_impersonation_intersects_privileges),
    RemovedCheck(removed_checks.open_views_of_others, test_access.test_write_probe_fails_without_privilege),
    RemovedCheck(removed_checks.ignore_unknown_object_ids, test_switching.test_unknown_entra_id_is_refused),
    RemovedCheck(removed_checks.accept_expired_tokens, test_troubles.test_expired_token_is_renewed),
    RemovedCheck(
        removed_checks.skip_code_verifier, test_sign_in.test_code_of_other_flow_is_refused, {"secret": "code_verifier"}
    ),
    RemovedCheck(
        removed_checks.start_deltas_at_last_page,
        test_change_tracking.test_change_between_pages_is_in_next_delta,
    ),
    RemovedCheck(removed_checks.omit_deletions, test_change_tracking.test_delta_names_deleted_rows),
    RemovedCheck(
        removed_checks.accept_expired_delta_links,
        test_matrix.test_expired_link_raises_delta_expired,
        {"method": "staged_fields"},
    ),
    RemovedCheck(
        removed_checks.allow_disabled_users,
        test_switching.test_refused_impersonation_writes_nothing,
        {"trouble": "disable"},
    ),
    RemovedCheck(removed_checks.ignore_impersonation, test_switching.test_impersonated_switch_is_recorded_under_owner),
    RemovedCheck(
        removed_checks.ignore_impersonation,
        test_access.test_write_probe_changes_nothing,
        {"active": True, "acting": True},
    ),
]


@pytest.mark.parametrize("removed", REMOVED_CHECKS, ids=str)
def test_named_test_fails_if_check_is_removed(request: pytest.FixtureRequest, removed: RemovedCheck) -> None:
    names = [name for name in inspect.signature(removed.test).parameters if name not in removed.given]
    arguments = removed.given | {name: request.getfixturevalue(name) for name in names}

    with pytest.MonkeyPatch.context() as patch:
        removed.without(patch)
        with pytest.raises((AssertionError, pytest.fail.Exception, CrmError)):
            removed.test(**arguments)
