"""Switching filters: ten users in one request by our own right, one in his own name, each row under its version."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from syncapp.crm.errors import CrmError, Forbidden, NotFound, ProtocolError, Stale
from syncapp.crm.filters.records import FilterChange, OutlookFilter, OwnerFilters, Switch, SwitchResult
from syncapp.mirror.filters import inventory
from syncapp.models import FilterRun, FilterRunChange
from syncapp.models.sync_filters.run import Outcome
from syncapp.sync_filters.runs import apply
from syncapp.sync_filters.runs.batches import Held, Round, Verdict
from syncapp.sync_filters.runs.concurrency import REQUESTS_AT_ONCE

CHANGED = "A filter was changed or deleted since the list was frozen."
NOT_IN_HIS_NAME = "The CRM wrote it, but not in the user's name: it ignored whom we acted for."

_MOST_NAMED = 3


def look(work: Round) -> list[tuple[Held, Verdict]]:
    """Read before writing where an answer was lost, or where the CRM keeps no versions to compare."""
    looked = [each for each in work.held if each.lease.outcome_unknown or not work.keeps_versions]
    if not looked:
        return []
    read = inventory.read_filters(work.crm, [each.item.user_id for each in looked])
    now = {each.owner_id: each for each in read}
    found = [(each, _found(each, work.run, now.get(each.item.user_id))) for each in looked]
    return [(each, verdict) for each, verdict in found if verdict]


def _found(held: Held, run: FilterRun, read: OwnerFilters | None) -> Verdict | None:
    """How he ends without a write; None where one is needed."""
    if read is None or read.filters is None:
        return None
    rows = {row.id: row for row in read.filters}
    if apply.is_as_wanted(held.changes, rows):
        return _as_wanted(held, run, Outcome.DONE if held.lease.outcome_unknown else Outcome.ALREADY, read.filters)
    if _is_untouched(held.changes, rows):
        return None
    return Verdict(Outcome.CHANGED, CHANGED, filters=read.filters)


def _is_untouched(changes: Sequence[FilterRunChange], found: Mapping[uuid.UUID, OutlookFilter]) -> bool:
    return all(change.filter_id in found and found[change.filter_id].etag == change.etag for change in changes)


def send(work: Round) -> list[Verdict]:
    """Switch these users' filters: in one request by our own right, else each in his own name."""
    switches = [Switch(each.item.user_id, _changes(each, work.keeps_versions)) for each in work.held]
    if not work.acting:
        results = work.crm.filters.switch(switches, tag=work.tag, deadline=work.deadline)
        return [_judged(each, work.run, result) for each, result in zip(work.held, results, strict=True)]
    names = [each.item.user.acting for each in work.held]
    own = work.crm.filters.switch_as_owners(
        switches, names, at_once=REQUESTS_AT_ONCE, tag=work.tag, deadline=work.deadline
    )
    return [
        Verdict(error=result, request_failed=True) if isinstance(result, CrmError) else _judged(each, work.run, result)
        for each, result in zip(work.held, own, strict=True)
    ]


def _changes(held: Held, keeps_versions: bool) -> tuple[FilterChange, ...]:
    return tuple(
        FilterChange(
            change.filter_id,
            active=change.wanted_state == 0,
            etag=change.etag if keeps_versions else "",
            status=change.wanted_status,
        )
        for change in held.changes
    )


def _judged(held: Held, run: FilterRun, result: SwitchResult) -> Verdict:
    if result.wrong_author:
        return Verdict(Outcome.FAILED, NOT_IN_HIS_NAME, filters=result.now, wrong_author=True)
    if result.error is not None:
        return _refused(held, run, result.error, result.now)
    if result.as_wanted is None:
        return Verdict(error=ProtocolError("The CRM's answer lacks the proof.", may_have_applied=True))
    if result.as_wanted and result.now is not None:
        return _as_wanted(held, run, Outcome.DONE, result.now)
    return Verdict(Outcome.CHANGED, CHANGED, filters=result.now)


def _as_wanted(held: Held, run: FilterRun, outcome: Outcome, now: Sequence[OutlookFilter]) -> Verdict:
    """End a user whose listed filters are as wanted; another one that is not keeps the user from being done."""
    wanted, listed = (0 if run.wanted_on else 1), {change.filter_id for change in held.changes}
    others = [row for row in now if row.table in run.tables and row.state != wanted and row.id not in listed]
    if not others or run.undoes_id is not None:
        return Verdict(outcome, filters=now)
    named = ", ".join(f"“{row.name}”" for row in others[:_MOST_NAMED])
    more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
    verb = "Another filter is" if len(others) == 1 else "Other filters are"
    why = f"{verb} still {'off' if run.wanted_on else 'on'}: {named}{more}. Not in the list when it was frozen."
    return Verdict(Outcome.PARTLY if outcome == Outcome.DONE else Outcome.CHANGED, why, filters=now)


def _refused(held: Held, run: FilterRun, error: CrmError, now: Sequence[OutlookFilter] | None) -> Verdict:
    if error.transient or isinstance(error, ProtocolError):
        return Verdict(error=error)
    if isinstance(error, Stale | NotFound):
        if now is not None and apply.is_as_wanted(held.changes, {row.id: row for row in now}):
            return _as_wanted(held, run, Outcome.DONE if held.lease.outcome_unknown else Outcome.ALREADY, now)
        return Verdict(Outcome.CHANGED, CHANGED, filters=now)
    if isinstance(error, Forbidden):
        return Verdict(Outcome.DENIED, f"The CRM forbids it: {error.message}", filters=now)
    return Verdict(Outcome.FAILED, f"The CRM refused it: {error.message}", filters=now)
