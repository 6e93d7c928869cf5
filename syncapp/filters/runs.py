"""The place where filters are switched: some users of a run at a time, each under his own lease and fence.

    claim k ─▶ look, where that is needed ─▶ mark sent ─▶ one request ─▶ settle each by what it read back

By our own right ten users share a request, each with a change set of his own; in their names each has his own, because
impersonation is per request. A row is written under the version that the list was frozen with, so a user whose filters
changed since is left alone, and a request whose answer was lost can take effect once only.
"""

from __future__ import annotations

import logging
import random
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from syncapp import durable, gates
from syncapp.crm.client import CrmClient
from syncapp.crm.errors import CrmError, Forbidden, NotFound, ProtocolError, Stale, WritesDisabled
from syncapp.crm.filters_records import FilterChange, OutlookFilter, OwnerFilters, Switch, SwitchResult
from syncapp.crm.transport import Deadline
from syncapp.durable import Claim, LostLease
from syncapp.filters import run_states, settlement
from syncapp.gates import WRITE_GATES, Passage
from syncapp.mirror import filter_access, filters
from syncapp.models import FilterRun, FilterRunChange, FilterRunItem, Gate
from syncapp.models.durable_work import database_now
from syncapp.models.filter_row import Access
from syncapp.models.filter_run import Outcome, RunState

log = logging.getLogger(__name__)

GATES = (*WRITE_GATES, Gate.Name.FORBIDDEN_FILTERS)
TOGETHER = 10


@dataclass(frozen=True, slots=True)
class Held:
    """One user whom this worker holds."""

    claim: Claim
    item: FilterRunItem
    changes: tuple[FilterRunChange, ...]


@dataclass(slots=True)
class _Round:
    """A few users of one run with everything that the steps need."""

    run: FilterRun
    crm: CrmClient
    acting: bool
    keeps_versions: bool
    deadline: Deadline
    held: list[Held] = field(default_factory=list)


def work(run_id: uuid.UUID, *, crm: CrmClient, seconds: float) -> bool:
    """Switch users until none is due or the time is up; True where some may be left.

    Safe to call from many workers at once, twice, and after a crash at any step. What went wrong is in the rows.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not crm.filters_may_be_switched() or not _is_due(run_id):
            return False
        passage = gates.pass_through(GATES)
        if passage is None:
            return False
        if not _one_round(run_id, crm, passage):
            gates.give_back(passage)
            return False
    return True


def _is_due(run_id: uuid.UUID) -> bool:
    return FilterRunItem.objects.filter(run=run_id).due().exists()


def _one_round(run_id: uuid.UUID, crm: CrmClient, passage: Passage) -> bool:
    run, ground = FilterRun.objects.get(pk=run_id), filter_access.ground()
    acting = (ground.writing or ground.reading) == Access.ACTING
    deadline = Deadline.after(settings.HTTP_SECONDS)
    work = _Round(run, crm, acting, ground.keeps_versions, deadline)
    work.held = _claim(run, 1 if acting else TOGETHER)
    if not work.held:
        return False
    durable.failpoint("filters.claimed")
    try:
        _switch(work)
        gates.crm_answered(passage)
    except CrmError as error:
        _after_error(work, error)
    run_states.settle_state(run)
    return True


@transaction.atomic
def _claim(run: FilterRun, most: int) -> list[Held]:
    due = FilterRunItem.objects.filter(run=run).due()
    # Two workers that look at once would otherwise wait for each other's rows; SQLite has one writer anyway.
    pks = list(due.select_for_update(skip_locked=True).order_by("position").values_list("pk", flat=True)[:most])
    claims = {pk: claim for pk in pks if (claim := durable.claim(FilterRunItem, pk))}
    items = FilterRunItem.objects.filter(pk__in=claims).select_related("user").prefetch_related("changes")
    return [Held(claims[item.pk], item, tuple(item.changes.all())) for item in items.order_by("position")]


def _switch(work: _Round) -> None:
    """One round of these users. Raises CrmError where the request as a whole failed."""
    worn_out = [each for each in work.held if each.claim.attempts > settings.ATTEMPTS]
    for each in worn_out:
        settlement.settle(each, Outcome.FAILED, f"The work was interrupted {settings.ATTEMPTS} times.")
    _drop(work, worn_out)
    _look(work)
    if work.run.state == RunState.CANCELLED:
        for each in work.held:
            settlement.settle(each, Outcome.CANCELLED)
        return
    if work.run.state == RunState.PAUSED:
        for each in work.held:
            durable.hand_back(each.claim, due_in=0, unknown=each.claim.outcome_unknown, free=True)
        return
    if not work.held:
        return
    _mark_sent(work)
    durable.failpoint("filters.sent")
    results = _send(work)
    durable.failpoint("filters.answered")
    _settle(work, results)
    durable.failpoint("filters.settled")


def _drop(work: _Round, gone: Sequence[Held]) -> None:
    work.held = [each for each in work.held if each not in gone]


def _look(work: _Round) -> None:
    """Read before writing where an answer was lost, or where the CRM keeps no versions to compare."""
    looked = [each for each in work.held if each.claim.outcome_unknown or not work.keeps_versions]
    if not looked:
        return
    read = filters.read_filters(work.crm, [each.item.user_id for each in looked])
    now = {each.owner_id: each for each in read}
    settled = [each for each in looked if _is_settled_by(each, now.get(each.item.user_id))]
    _drop(work, settled)


def _is_settled_by(held: Held, read: OwnerFilters | None) -> bool:
    if read is None or read.filters is None:
        return False
    found = {row.id: row for row in read.filters}
    if settlement.is_as_wanted(held.changes, found):
        outcome = Outcome.DONE if held.claim.outcome_unknown else Outcome.ALREADY
        settlement.settle(held, outcome, now=read.filters)
        return True
    if _is_untouched(held.changes, found):
        return False
    settlement.settle(held, Outcome.CHANGED, settlement.CHANGED, now=read.filters)
    return True


def _is_untouched(changes: Sequence[FilterRunChange], found: Mapping[uuid.UUID, OutlookFilter]) -> bool:
    return all(change.filter_id in found and found[change.filter_id].etag == change.etag for change in changes)


@transaction.atomic
def _mark_sent(work: _Round) -> None:
    """Whose lease is lost by now is left out of the request."""
    lost = []
    for each in work.held:
        try:
            durable.mark_sent(each.claim)
        except LostLease:
            lost.append(each)
    _drop(work, lost)


def _send(work: _Round) -> tuple[SwitchResult, ...]:
    switches = [Switch(each.item.user_id, _changes(each, work.keeps_versions)) for each in work.held]
    acting_for = work.held[0].item.user.acting if work.acting and work.held else None
    tag = f"osync-run-{work.run.number}"
    return work.crm.filters.switch(switches, acting_for=acting_for, tag=tag, deadline=work.deadline)


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


def _settle(work: _Round, results: Sequence[SwitchResult]) -> None:
    with transaction.atomic():
        for each, result in zip(work.held, results, strict=True):
            if result.error is not None and _may_be_tried_again(result.error):
                _hand_back(each, result.error)
            elif result.error is None and result.as_wanted is None:
                _hand_back(each, ProtocolError("The CRM's answer lacks the proof.", may_have_applied=True))
            else:
                settlement.settle(each, *_judged(each, result), now=result.now)
    if any(result.wrong_author for result in results):
        run_states.pause_quietly(work.run, because="impersonation")


def _judged(held: Held, result: SwitchResult) -> tuple[Outcome, str]:
    """The class in which a user ends, and why."""
    if result.wrong_author:
        return Outcome.FAILED, "The CRM wrote it, but not in the user's name: it ignored whom we acted for."
    if result.error is None:
        return (Outcome.DONE, "") if result.as_wanted else (Outcome.CHANGED, settlement.CHANGED)
    if isinstance(result.error, Stale | NotFound):
        found = {row.id: row for row in result.now or ()}
        if settlement.is_as_wanted(held.changes, found):
            return (Outcome.DONE if held.claim.outcome_unknown else Outcome.ALREADY), ""
        return Outcome.CHANGED, settlement.CHANGED
    if isinstance(result.error, Forbidden):
        return Outcome.DENIED, f"The CRM forbids it: {result.error.message}"
    return Outcome.FAILED, f"The CRM refused it: {result.error.message}"


def _may_be_tried_again(error: CrmError) -> bool:
    return error.transient or isinstance(error, ProtocolError)


def _after_error(work: _Round, error: CrmError) -> None:
    """The request as a whole failed: close the gate it calls for, give everybody of it back."""
    log.warning("run %s: %s %s %s", work.run.number, type(error).__name__, error.status, error.request_id)
    if work.acting and isinstance(error, Forbidden):
        for each in work.held:
            settlement.settle(each, *_refused(work, each, error))
        return
    closes = gates.crm_failed(error, forbidden_gate=Gate.Name.FORBIDDEN_FILTERS)
    for each in work.held:
        _hand_back(each, error, free=closes or isinstance(error, WritesDisabled))


def _refused(work: _Round, held: Held, error: Forbidden) -> tuple[Outcome, str]:
    """Why nobody may act for this user: he was disabled or lost his roles, or we may not."""
    filters.refresh_directory(work.crm, [held.item.user_id])
    held.item.user.refresh_from_db()
    if held.item.user.is_disabled:
        return Outcome.DISABLED, "The user is disabled."
    if not held.item.user.has_roles:
        return Outcome.NO_ROLE, "The user has no role in the CRM."
    return Outcome.DENIED, f"The CRM forbids it: {error.message}"


def _hand_back(held: Held, error: CrmError, *, free: bool = False) -> None:
    name, unknown = type(error).__name__, error.may_have_applied or held.claim.outcome_unknown
    try:
        if not free and held.claim.attempts >= settings.ATTEMPTS:
            said = " Whether it was written is not known; reading the user again tells." if unknown else ""
            settlement.settle(held, Outcome.FAILED, f"The CRM did not answer {held.claim.attempts} times.{said}")
            return
        # Full jitter under a cap that doubles; the CRM's own advice wins.
        pause = error.retry_after or random.uniform(0.2, min(60.0, 2.0**held.claim.attempts))  # noqa: S311  (spreads load, guards nothing)
        durable.hand_back(held.claim, due_in=pause, error=name, unknown=unknown, free=free)
    except LostLease:
        log.warning("filter item %s: lease lost", held.item.pk)


def won_bells(*, counting: bool = False) -> list[uuid.UUID]:
    """Runs to ring workers for now, each at most once in BELL_SECONDS however many ticks run."""
    silent = Q(rung_at__isnull=True) | Q(rung_at__lte=database_now(plus=-durable.BELL_SECONDS))
    if counting:
        waiting = FilterRun.objects.filter(state=RunState.COUNTING)
    else:
        due = FilterRunItem.objects.all().due().order_by().values("run")
        waiting = FilterRun.objects.filter(pk__in=due)
    ids = waiting.filter(silent).order_by("pk").values_list("pk", flat=True)[:50]
    return [pk for pk in list(ids) if FilterRun.objects.filter(silent, pk=pk).update(rung_at=Now())]


def ring_again(run_id: uuid.UUID) -> None:
    """The task's time was up, not the work: the next tick rings."""
    FilterRun.objects.filter(pk=run_id).update(rung_at=None)
