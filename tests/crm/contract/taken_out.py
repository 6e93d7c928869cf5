"""Checks of the sandbox, each taken out of the running one by a function that says what is missing then."""

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


def _without_limit(patch: Patch, **endless: float) -> None:
    honest = Protection._refuse
    patch.setattr(Protection, "_refuse", lambda self, limits, window: honest(self, replace(limits, **endless), window))


def any_number_of_requests(patch: Patch) -> None:
    """Nobody is turned away for how often he asks."""
    _without_limit(patch, requests=math.inf)


def any_execution_time(patch: Patch) -> None:
    """Nobody is turned away for how much work he makes."""
    _without_limit(patch, execution_seconds=math.inf)


def any_number_at_once(patch: Patch) -> None:
    """Nobody is turned away for what he has under way."""
    _without_limit(patch, concurrent=math.inf)


def batches_charged_as_one(patch: Patch) -> None:
    """The operations of a batch cost nothing."""
    honest = Protection.entered
    patch.setattr(Protection, "entered", lambda self, user, _operations: honest(self, user, 1))


def no_advice(patch: Patch) -> None:
    """Answers do not say how many calls at once are advisable."""
    patch.setattr(limits, "_headers", lambda _limits, _window: {})


def no_retry_after(patch: Patch) -> None:
    """A refusal does not say when to come back."""
    patch.setattr(limits, "_refused", lambda code, message, _seconds: ApiError(429, code, message))


def answers_in_another_order(patch: Patch) -> None:
    """The parts of a batch come back from last to first."""
    honest = batch._joined
    patch.setattr(batch, "_joined", lambda boundary, pieces: honest(boundary, pieces[::-1]))


def batches_stop_at_the_first_failure(patch: Patch) -> None:
    """`odata.continue-on-error` is not heard."""
    honest = batch.answer
    patch.setattr(
        batch,
        "answer",
        lambda store, api, outer, items, faults: honest(store, api, replace(outer, headers={}), items, faults),
    )


def no_privileges_needed(patch: Patch) -> None:
    """Everybody may do everything."""
    patch.setattr(Rights, "may", lambda _self, _privilege: True)


def others_rights_added(patch: Patch) -> None:
    """Who acts for somebody has all that this one has."""
    patch.setattr(Rights, "shared_with", lambda self, _other: self)


def others_rows_open(patch: Patch) -> None:
    """A single personal view of somebody else may be touched by everybody."""
    patch.setattr(visibility, "check_row", lambda _table, _row, _rights: None)


def unknown_object_ids_ignored(patch: Patch) -> None:
    """An Entra id that nobody has is ignored like an unknown systemuserid."""
    honest = access._by_object_id

    def kindly(store: Any, object_id: str) -> Any:
        try:
            return honest(store, object_id)
        except ApiError:
            return None

    patch.setattr(access, "_by_object_id", kindly)


def tokens_for_ever(patch: Patch) -> None:
    """A token that was issued once is good whatever happens."""
    patch.setattr(Tokens, "expire_all", lambda _self: None)


def any_code_verifier(patch: Patch) -> None:
    """The proof that a code comes from the flow's own side is not asked for."""
    patch.setattr(grants, "_challenge", lambda _verifier: _Anything())


class _Anything(str):
    __slots__ = ()

    def __ne__(self, _other: object) -> bool:
        return False

    __hash__ = str.__hash__


def deltas_from_the_last_page(patch: Patch) -> None:
    """A delta link stands for the moment of the last page, not of the first."""
    honest = tracking._position

    def late(connection: Any, request: Any) -> Any:
        _token, since, cursor = honest(connection, request)
        return tracking._newest(connection), since, cursor

    patch.setattr(tracking, "_position", late)


def deletions_forgotten(patch: Patch) -> None:
    """A delta names no deleted rows."""
    patch.setattr(tracking._Pages, "_deleted", lambda _self, _after, _limit: [])


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
