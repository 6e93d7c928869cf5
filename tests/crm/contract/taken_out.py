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


def any_version(patch: Patch) -> None:
    """Ignore the ETag of `If-Match`."""
    patch.setattr(operations, "_check", lambda _row, _conditions: None)


def upsert_in_spite_of_if_match(patch: Patch) -> None:
    """Let a PATCH with `If-Match` create a deleted row."""
    honest = operations._create_by_upsert
    patch.setattr(
        operations,
        "_create_by_upsert",
        lambda transaction, address, body, _conditions: honest(transaction, address, body, operations.NO_CONDITIONS),
    )


def if_none_match_ignored(patch: Patch) -> None:
    """Let a PATCH with `If-None-Match: *` update an existing row."""
    honest = operations._check
    patch.setattr(operations, "_check", lambda row, given: honest(row, operations.Conditions(if_match=given.if_match)))


def change_sets_in_pieces(patch: Patch) -> None:
    """Commit each request of a change set separately."""

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
    """Return others' filters for any query of a privileged user."""
    patch.setattr(visibility, "is_query_for_one_owner", lambda _text: True)


def no_right_needed_for_others(patch: Patch) -> None:
    """Return others' filters without prvAdminFilter."""
    patch.setattr(visibility, "may_query_others", lambda _rights, text: visibility.is_query_for_one_owner(text))


def _without_limit(patch: Patch, **endless: float) -> None:
    honest = Protection._refuse
    patch.setattr(Protection, "_refuse", lambda self, limits, window: honest(self, replace(limits, **endless), window))


def any_number_of_requests(patch: Patch) -> None:
    """Remove the limit of requests."""
    _without_limit(patch, requests=math.inf)


def any_execution_time(patch: Patch) -> None:
    """Remove the limit of execution time."""
    _without_limit(patch, execution_seconds=math.inf)


def any_number_at_once(patch: Patch) -> None:
    """Remove the limit of concurrent requests."""
    _without_limit(patch, concurrent=math.inf)


def batches_charged_as_one(patch: Patch) -> None:
    """Charge a batch as one request."""
    honest = Protection.entered
    patch.setattr(Protection, "entered", lambda self, user, _operations: honest(self, user, 1))


def no_advice(patch: Patch) -> None:
    """Leave out the concurrency hint."""
    patch.setattr(limits, "_headers", lambda _limits, _window: {})


def no_retry_after(patch: Patch) -> None:
    """Leave out Retry-After."""
    patch.setattr(limits, "_refused", lambda code, message, _seconds: ApiError(429, code, message))


def answers_in_another_order(patch: Patch) -> None:
    """Return the parts of a batch in reverse order."""
    honest = batch._joined
    patch.setattr(batch, "_joined", lambda boundary, pieces: honest(boundary, pieces[::-1]))


def batches_stop_at_the_first_failure(patch: Patch) -> None:
    """Ignore `odata.continue-on-error`."""
    honest = batch.answer
    patch.setattr(
        batch,
        "answer",
        lambda store, api, outer, items, faults: honest(store, api, replace(outer, headers={}), items, faults),
    )


def no_privileges_needed(patch: Patch) -> None:
    """Skip the check of privileges."""
    patch.setattr(Rights, "may", lambda _self, _privilege: True)


def others_rights_added(patch: Patch) -> None:
    """Give impersonated calls all privileges of the impersonated user."""
    patch.setattr(Rights, "shared_with", lambda self, _other: self)


def others_rows_open(patch: Patch) -> None:
    """Let any user change a single personal view of another user."""
    patch.setattr(visibility, "check_row", lambda *_args, **_options: None)


def unknown_object_ids_ignored(patch: Patch) -> None:
    """Ignore an unknown Entra id, like an unknown systemuserid."""
    honest = access._by_object_id

    def kindly(store: Any, object_id: str) -> Any:
        try:
            return honest(store, object_id)
        except ApiError:
            return None

    patch.setattr(access, "_by_object_id", kindly)


def tokens_for_ever(patch: Patch) -> None:
    """Accept every token that was ever issued."""
    patch.setattr(Tokens, "expire_all", lambda _self: None)


def any_code_verifier(patch: Patch) -> None:
    """Skip the PKCE check."""
    patch.setattr(grants, "_challenge", lambda _verifier: _Anything())


class _Anything(str):
    __slots__ = ()

    def __ne__(self, _other: object) -> bool:
        return False

    __hash__ = str.__hash__


def deltas_from_the_last_page(patch: Patch) -> None:
    """Start the delta at the last page instead of the first."""
    honest = tracking._position

    def late(connection: Any, request: Any) -> Any:
        _token, since, cursor = honest(connection, request)
        return tracking._newest(connection), since, cursor

    patch.setattr(tracking, "_position", late)


def deletions_forgotten(patch: Patch) -> None:
    """Leave deletions out of deltas."""
    patch.setattr(tracking._Pages, "_deleted", lambda _self, _after, _limit: [])


def disabled_users_act(patch: Patch) -> None:
    """Allow impersonation of disabled users and users without roles."""
    patch.setattr(access, "_must_be_able", lambda _user: None)


def impersonation_ignored(patch: Patch) -> None:
    """Ignore impersonation."""
    patch.setattr(access, "_impersonated", lambda _store, _headers: None)


def delta_links_for_ever(patch: Patch) -> None:
    """Accept expired delta links."""
    honest = tracking._valid
    patch.setattr(
        tracking,
        "_valid",
        lambda connection, text, newest: honest(connection, f"{text.rpartition('!')[0]}!{newest.epoch}", newest),
    )
