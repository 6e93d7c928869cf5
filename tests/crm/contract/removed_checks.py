"""Functions that each remove one check from the running sandbox."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from dataverse_sandbox import access, batch, limits, operations, tracking, visibility
from dataverse_sandbox.errors import ApiError
from dataverse_sandbox.identity import grants
from dataverse_sandbox.identity.tokens import Tokens
from dataverse_sandbox.limits import Protection
from dataverse_sandbox.messages import Answer
from dataverse_sandbox.rights import Rights

Patch = pytest.MonkeyPatch


def ignore_etags(patch: Patch) -> None:
    """Ignore the ETag of `If-Match`."""
    patch.setattr(operations, "_check", lambda _row, _conditions: None)


def ignore_if_match_of_missing_rows(patch: Patch) -> None:
    """Let a PATCH with `If-Match` create a deleted row."""
    original = operations._create_by_upsert
    patch.setattr(
        operations,
        "_create_by_upsert",
        lambda transaction, address, body, _conditions: original(transaction, address, body, operations.NO_CONDITIONS),
    )


def ignore_if_none_match(patch: Patch) -> None:
    """Let a PATCH with `If-None-Match: *` update an existing row."""
    original = operations._check
    patch.setattr(
        operations, "_check", lambda row, given: original(row, operations.Conditions(if_match=given.if_match))
    )


def commit_requests_separately(patch: Patch) -> None:
    """Commit each request of a change set separately."""

    def one_by_one(run: Any, change_set: batch.ChangeSet) -> list[Answer]:
        answers, made = [], {}  # type: ignore[var-annotated]  # as in the method that it replaces
        for part in change_set.parts:
            with run._store.write(run._outer.identity.author) as transaction:
                try:
                    answers.append(run._write_part(transaction, part, made))
                except ApiError as error:
                    raise batch._PartFailed(error, part.content_id) from None
        return answers

    patch.setattr(batch._Run, "_in_one_transaction", one_by_one)


def allow_any_filter_query(patch: Patch) -> None:
    """Return others' filters for any query of a privileged user."""
    patch.setattr(visibility, "is_query_for_one_owner", lambda _text: True)


def skip_filter_privilege(patch: Patch) -> None:
    """Return others' filters without prvAdminFilter."""
    patch.setattr(visibility, "may_query_others", lambda _rights, text: visibility.is_query_for_one_owner(text))


def _set_limits(patch: Patch, **changed: float) -> None:
    original = Protection._refuse
    patch.setattr(
        Protection, "_refuse", lambda self, limits, window: original(self, replace(limits, **changed), window)
    )


def remove_request_limit(patch: Patch) -> None:
    """Remove the limit on requests."""
    _set_limits(patch, requests=math.inf)


def remove_execution_limit(patch: Patch) -> None:
    """Remove the limit on execution time."""
    _set_limits(patch, execution_seconds=math.inf)


def remove_concurrency_limit(patch: Patch) -> None:
    """Remove the limit on concurrent requests."""
    _set_limits(patch, concurrent=math.inf)


def charge_batches_as_one(patch: Patch) -> None:
    """Charge a batch as one request."""
    original = Protection.entered
    patch.setattr(Protection, "entered", lambda self, user, _operations: original(self, user, 1))


def omit_concurrency_hint(patch: Patch) -> None:
    """Leave out the concurrency hint."""
    patch.setattr(limits, "_headers", lambda _limits, _window: {})


def omit_retry_after(patch: Patch) -> None:
    """Leave out Retry-After."""
    patch.setattr(limits, "_refused", lambda code, message, _seconds: ApiError(429, code, message))


def reverse_batch_answers(patch: Patch) -> None:
    """Return the parts of a batch in reverse order."""
    original = batch._joined
    patch.setattr(batch, "_joined", lambda boundary, pieces: original(boundary, pieces[::-1]))


def ignore_continue_on_error(patch: Patch) -> None:
    """Ignore `odata.continue-on-error`."""
    original = batch.answer
    patch.setattr(
        batch,
        "answer",
        lambda store, api, outer, items, faults: original(store, api, replace(outer, headers={}), items, faults),
    )


def skip_privilege_checks(patch: Patch) -> None:
    """Skip the check of privileges."""
    patch.setattr(Rights, "may", lambda _self, _privilege: True)


def add_impersonated_privileges(patch: Patch) -> None:
    """Give impersonated calls all privileges of the impersonated user."""
    patch.setattr(Rights, "shared_with", lambda self, _other: self)


def open_views_of_others(patch: Patch) -> None:
    """Let any user change a single personal view of another user."""
    patch.setattr(visibility, "check_row", lambda *_args, **_options: None)


def ignore_unknown_object_ids(patch: Patch) -> None:
    """Ignore an unknown Entra id, like an unknown systemuserid."""
    original = access._by_object_id

    def impersonated(store: Any, object_id: str) -> Any:
        try:
            return original(store, object_id)
        except ApiError:
            return None

    patch.setattr(access, "_by_object_id", impersonated)


def accept_expired_tokens(patch: Patch) -> None:
    """Accept every token that was ever issued."""
    patch.setattr(Tokens, "expire_all", lambda _self: None)


def skip_code_verifier(patch: Patch) -> None:
    """Skip the PKCE check."""
    patch.setattr(grants, "_challenge", lambda _verifier: _Anything())


class _Anything(str):
    __slots__ = ()

    def __ne__(self, _other: object) -> bool:
        return False

    __hash__ = str.__hash__


def start_deltas_at_last_page(patch: Patch) -> None:
    """Start the delta at the last page instead of the first."""
    original = tracking._position

    def late(connection: Any, request: Any) -> Any:
        _token, since, cursor = original(connection, request)
        return tracking._newest(connection), since, cursor

    patch.setattr(tracking, "_position", late)


def omit_deletions(patch: Patch) -> None:
    """Leave deletions out of deltas."""
    patch.setattr(tracking._Pages, "_deleted", lambda _self, _after, _limit: [])


def allow_disabled_users(patch: Patch) -> None:
    """Allow impersonation of disabled users and users without roles."""
    patch.setattr(access, "_must_be_able", lambda _user: None)


def ignore_impersonation(patch: Patch) -> None:
    """Ignore impersonation."""
    patch.setattr(access, "_impersonated", lambda _store, _headers: None)


def accept_expired_delta_links(patch: Patch) -> None:
    """Accept expired delta links."""
    original = tracking._valid
    patch.setattr(
        tracking,
        "_valid",
        lambda connection, text, newest: original(connection, f"{text.rpartition('!')[0]}!{newest.epoch}", newest),
    )
