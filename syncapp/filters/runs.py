"""The place where filters are switched: some users of a run at a time, each under his own lease and fence.

    claim k ─▶ look, where that is needed ─▶ mark sent ─▶ one request ─▶ settle each by what it read back

By our own right ten users share a request, each with a change set of his own; in their names each has his own, because
impersonation is per request, and a few are under way at once. A row is written under the version that the list was
frozen with, so a user whose filters changed since is left alone, and a request whose answer was lost can take effect
once only.
"""

from __future__ import annotations

import logging
import random
import time
import uuid
from collections.abc import Sequence
from dataclasses import replace

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from syncapp import durable, gates
from syncapp.crm.client import CrmClient
from syncapp.crm.errors import CrmError, Forbidden, WritesDisabled
from syncapp.crm.transport import Deadline
from syncapp.durable import LostLease
from syncapp.filters import filter_lever, method_lever, run_states, settlement
from syncapp.filters.rounds import Held, Lever, Round, Verdict
from syncapp.gates import WRITE_GATES, Passage
from syncapp.mirror import filter_access, filters
from syncapp.models import FilterRun, FilterRunItem, Gate
from syncapp.models.durable_work import database_now
from syncapp.models.filter_row import Access
from syncapp.models.filter_run import Lever as RunLever
from syncapp.models.filter_run import Outcome, RunState

log = logging.getLogger(__name__)

GATES = (*WRITE_GATES, Gate.Name.FORBIDDEN_FILTERS)
TOGETHER = 10
_WORN_OUT = f"The work was interrupted {settings.ATTEMPTS} times."
_LEVERS: dict[str, Lever] = {RunLever.FILTERS: filter_lever, RunLever.METHOD: method_lever}


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
    # Mailboxes are nobody's own: they are set by our own right in any case.
    acting = (ground.writing or ground.reading) == Access.ACTING and not run.moves_mailboxes
    deadline = Deadline.after(settings.HTTP_SECONDS)
    work = Round(run, crm, acting, ground.keeps_versions, deadline)
    work.held = _claim(run)
    if not work.held:
        return False
    durable.failpoint("filters.claimed")
    try:
        failed = _move(work, _LEVERS[run.lever])
        if not work.held or len(failed) < len(work.held):
            gates.crm_answered(passage)
        for each, error in failed:
            _after_error(replace(work, held=[each]), error)
    except CrmError as error:
        _after_error(work, error)
    run_states.settle_state(run)
    return True


def _claim(run: FilterRun) -> list[Held]:
    claims = {each.pk: each for each in durable.claim_some(run.items.order_by("position"), most=TOGETHER)}
    items = FilterRunItem.objects.filter(pk__in=claims).select_related("user").prefetch_related("changes")
    return [Held(claims[item.pk], item, tuple(item.changes.all())) for item in items.order_by("position")]


def _move(work: Round, lever: Lever) -> list[tuple[Held, CrmError]]:
    """One round of these users; those whose own request failed as a whole.

    Raises CrmError where the request that they share failed as a whole.
    """
    worn_out = [each for each in work.held if each.claim.attempts > settings.ATTEMPTS]
    _settle(work, [(each, Verdict(Outcome.FAILED, _WORN_OUT)) for each in worn_out])
    _settle(work, lever.look(work) if work.held else [])
    if work.run.state == RunState.CANCELLED:
        _settle(work, [(each, Verdict(Outcome.CANCELLED)) for each in work.held])
        return []
    if work.run.state == RunState.PAUSED:
        for each in work.held:
            durable.hand_back(each.claim, due_in=0, unknown=each.claim.outcome_unknown, free=True)
        return []
    _mark_sent(work)
    if not work.held:
        return []
    durable.failpoint("filters.sent")
    verdicts = lever.send(work)
    durable.failpoint("filters.answered")
    failed = _take(work, verdicts)
    durable.failpoint("filters.settled")
    return failed


def _settle(work: Round, ended: Sequence[tuple[Held, Verdict]]) -> None:
    settlement.settle(ended)
    work.drop([each for each, _ in ended])


def _mark_sent(work: Round) -> None:
    """Whose lease is lost by now is left out of the request."""
    held = durable.mark_all_sent([each.claim for each in work.held])
    work.drop([each for each in work.held if each.claim not in held])


def _take(work: Round, verdicts: Sequence[Verdict]) -> list[tuple[Held, CrmError]]:
    answered = list(zip(work.held, verdicts, strict=True))
    with transaction.atomic():
        for each, verdict in answered:
            if verdict.error is not None and not verdict.request_failed:
                _hand_back(each, verdict.error)
        settlement.settle([(each, verdict) for each, verdict in answered if verdict.error is None])
    if any(verdict.outcome == Outcome.DONE for verdict in verdicts):
        filter_access.note_proof()
    if any(verdict.wrong_author for verdict in verdicts):
        filter_access.distrust_writing()
        run_states.pause_quietly(work.run, because="impersonation")
    return [(each, verdict.error) for each, verdict in answered if verdict.error is not None and verdict.request_failed]


def _after_error(work: Round, error: CrmError) -> None:
    """The request as a whole failed: close the gate it calls for, give everybody of it back."""
    log.warning("run %s: %s %s %s", work.run.number, type(error).__name__, error.status, error.request_id)
    if work.acting and isinstance(error, Forbidden):
        settlement.settle([(each, _refused(work, each, error)) for each in work.held])
        return
    closes = gates.crm_failed(error, forbidden_gate=Gate.Name.FORBIDDEN_FILTERS)
    for each in work.held:
        _hand_back(each, error, free=closes or isinstance(error, WritesDisabled))


def _refused(work: Round, held: Held, error: Forbidden) -> Verdict:
    """Why nobody may act for this user: he was disabled or lost his roles, or we may not."""
    filters.refresh_directory(work.crm, [held.item.user_id])
    held.item.user.refresh_from_db()
    if held.item.user.is_disabled:
        return Verdict(Outcome.DISABLED, "The user is disabled.")
    if not held.item.user.has_roles:
        return Verdict(Outcome.NO_ROLE, "The user has no role in the CRM.")
    return Verdict(Outcome.DENIED, f"The CRM forbids it: {error.message}")


def _hand_back(held: Held, error: CrmError, *, free: bool = False) -> None:
    name, unknown = type(error).__name__, error.may_have_applied or held.claim.outcome_unknown
    try:
        if not free and held.claim.attempts >= settings.ATTEMPTS:
            said = " Whether it was written is not known; reading the user again tells." if unknown else ""
            why = f"The CRM did not answer {held.claim.attempts} times.{said}"
            settlement.settle([(held, Verdict(Outcome.FAILED, why))])
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


def ring_again(*run_ids: uuid.UUID) -> None:
    """The task's time was up, not the work, or nobody heard the bell: the next tick rings."""
    for run_id in run_ids:
        FilterRun.objects.filter(pk=run_id).update(rung_at=None)
