"""The operation that switches filters: in one request for ten users, or as the owners in one request per user.

Every write carries the version that the filter had when the list was made.
"""

from __future__ import annotations

from collections.abc import Sequence

from syncapp.crm.errors import CredentialsRefused, CrmError, Forbidden, NotFound, ProtocolError, Stale
from syncapp.crm.filters.records import FilterChange, FilterSwitch, OutlookFilter, SwitchResult
from syncapp.mirror.filters import inventory
from syncapp.models import FilterRun
from syncapp.models.sync_filters.run import Outcome
from syncapp.sync_filters.runs import item_results
from syncapp.sync_filters.runs.batches import Batch, ItemResult, LeasedItem
from syncapp.sync_filters.runs.concurrency import CONCURRENT_REQUESTS

CHANGED = "A filter was changed or deleted after the list was made."
NOT_AS_USER = "The CRM wrote it, but not as the user: it ignored the impersonation."

_NAMED_LIMIT = 3


def precheck(batch: Batch) -> list[tuple[LeasedItem, ItemResult]]:
    """Read users whose last answer was lost, or all if the CRM keeps no versions; return those who need no write."""
    items_to_read = [each for each in batch.items if each.lease.outcome_unknown or not batch.keeps_versions]
    if not items_to_read:
        return []
    owner_filters = inventory.read_filters(batch.crm, [each.item.user_id for each in items_to_read])
    by_owner = {each.owner_id: each.filters for each in owner_filters if each.filters is not None}
    results = []
    for each in items_to_read:
        filters = by_owner.get(each.item.user_id)
        if filters is None:
            continue
        live = {row.id: row for row in filters}
        if item_results.is_as_wanted(each.changes, live):
            results.append((each, _result_if_as_wanted(each, batch.run, _outcome(each), filters)))
        elif any(change.filter_id not in live or live[change.filter_id].etag != change.etag for change in each.changes):
            results.append((each, ItemResult(Outcome.CHANGED, CHANGED, filters=filters)))
    return results


def _outcome(leased: LeasedItem) -> Outcome:
    """Return the outcome for filters already in the wanted state: an earlier request of ours may have written them."""
    return Outcome.DONE if leased.lease.outcome_unknown else Outcome.ALREADY


def apply(batch: Batch) -> list[ItemResult]:
    """Switch these users' filters: in one request with our own permission, or as the owners in one request each."""
    switches = []
    for each in batch.items:
        changes = tuple(
            FilterChange(
                change.filter_id,
                active=change.wanted_state == 0,
                etag=change.etag if batch.keeps_versions else "",
                status=change.wanted_status,
            )
            for change in each.changes
        )
        switches.append(FilterSwitch(each.item.user_id, changes))
    if not batch.acting:
        results = batch.crm.filters.switch(switches, tag=batch.tag, deadline=batch.deadline)
        return [_result(each, batch.run, found) for each, found in zip(batch.items, results, strict=True)]
    owners = [each.item.user.acting for each in batch.items]
    answers = batch.crm.filters.switch_as_owners(
        switches, owners, max_concurrent=CONCURRENT_REQUESTS, tag=batch.tag, deadline=batch.deadline
    )
    return [
        ItemResult(error=answer, request_failed=True)
        if isinstance(answer, CrmError)
        else _result(each, batch.run, answer)
        for each, answer in zip(batch.items, answers, strict=True)
    ]


def _result(leased: LeasedItem, run: FilterRun, answer: SwitchResult) -> ItemResult:
    if answer.wrong_author:
        return ItemResult(Outcome.FAILED, NOT_AS_USER, filters=answer.now, wrong_author=True)
    error, live = answer.error, answer.now
    if error is not None and (error.refuses_operation or isinstance(error, CredentialsRefused)):
        return ItemResult(error=error, request_failed=True)
    if error is not None and (error.is_transient or isinstance(error, ProtocolError)):
        return ItemResult(error=error)
    if isinstance(error, Stale | NotFound):
        if live is not None and item_results.is_as_wanted(leased.changes, {row.id: row for row in live}):
            return _result_if_as_wanted(leased, run, _outcome(leased), live)
        return ItemResult(Outcome.CHANGED, CHANGED, filters=live)
    if isinstance(error, Forbidden):
        return ItemResult(Outcome.DENIED, f"The CRM forbids it: {error.message}", filters=live, denial=error)
    if error is not None:
        return ItemResult(Outcome.FAILED, f"The CRM refused it: {error.message}", filters=live)
    if answer.as_requested is None:
        return ItemResult(error=ProtocolError("The CRM’s answer does not confirm the change.", may_have_applied=True))
    if answer.as_requested and live is not None:
        return _result_if_as_wanted(leased, run, Outcome.DONE, live)
    return ItemResult(Outcome.CHANGED, CHANGED, filters=live)


def _result_if_as_wanted(
    leased: LeasedItem, run: FilterRun, outcome: Outcome, live: Sequence[OutlookFilter]
) -> ItemResult:
    """Return the result for a user whose listed filters are as wanted; other filters of the user may not be."""
    wanted, listed = (0 if run.wanted_on else 1), {change.filter_id for change in leased.changes}
    others = [row for row in live if row.table in run.tables and row.state != wanted and row.id not in listed]
    if not others or run.undoes_id is not None:
        return ItemResult(outcome, filters=live)
    named = ", ".join(f"“{row.name}”" for row in others[:_NAMED_LIMIT])
    more = f" and {len(others) - _NAMED_LIMIT} more" if len(others) > _NAMED_LIMIT else ""
    verb, was = ("Another filter is", "It was") if len(others) == 1 else ("Other filters are", "They were")
    state = "off" if run.wanted_on else "on"
    why = f"{verb} still {state}: {named}{more}. {was} not in the list when the list was made."
    return ItemResult(Outcome.PARTLY if outcome == Outcome.DONE else Outcome.CHANGED, why, filters=live)
