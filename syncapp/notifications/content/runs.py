"""What a mail says of a filter run, as it is at the moment of sending; nothing where that is over."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from syncapp.models import FilterPolicy, FilterRun, Message
from syncapp.models.sync_filters.run import Outcome, RunState
from syncapp.notifications import links
from syncapp.sync_filters import second_person
from syncapp.sync_filters.runs import titles, transitions
from syncapp.sync_filters.runs.notification_rules import DONE, PAUSED, UNDONE, WAITS

_HEADS = {
    WAITS: "{person} asks you to confirm: {title}",
    PAUSED: "Paused: {title}",
    DONE: "Ended: {title}",
    UNDONE: "{person} undoes run {undone}: {title}",
}
_BEGUN = (RunState.RUNNING, RunState.PAUSED, RunState.DONE, RunState.CANCELLED)
_STATES = {WAITS: (RunState.WAITING,), PAUSED: (RunState.PAUSED,), DONE: (RunState.DONE,), UNDONE: _BEGUN}
_CONFIRM_RUN = "A second person confirms exactly this frozen list. Nothing starts before that."
_CONFIRM_POLICY = "A second person confirms it on its page. Nothing is switched before that."
_PAUSES = {
    "pilot": "The pilot is done. Look at its results, then let the rest go on.",
    "failures": "It stopped itself, because more users failed than its limit allows.",
    "impersonation": "It stopped itself, because CRM ignored in whose name it was written.",
}


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The headline, why it stands still, how many users ended in which way, and the page."""

    news: str
    head: str
    number: int
    person: str
    reason: str
    why: str
    results: tuple[tuple[str, int], ...]
    look: str


def told(message: Message) -> RunSummary | None:
    """Return what this message tells of a run or a policy; None when it is no longer in that state."""
    if "policy" in message.details:
        return _policy(message)
    news, run_id = str(message.details["news"]), message.details["run"]
    run = FilterRun.objects.select_related("person", "undoes").filter(pk=run_id, state__in=_STATES[news]).first()
    if run is None:
        return None
    counted = transitions.outcomes(run)
    undone = run.undoes.number if run.undoes else ""
    return RunSummary(
        news=news,
        head=_HEADS[news].format(person=run.person.name, title=titles.title(run), undone=undone),
        number=run.number,
        person=run.person.name,
        reason=run.reason,
        why=_why(run, news),
        results=tuple((each.label, counted[each.value]) for each in Outcome if each.value in counted),
        look=links.absolute(reverse("filter_run", args=[run.pk])),
    )


def _why(run: FilterRun, news: str) -> str:
    if news == WAITS:
        return f"{second_person.load(run).why} {_CONFIRM_RUN}".strip()
    if news == UNDONE and run.undoes:
        return f"What run {run.undoes.number} found is restored, except where it was changed since."
    return _PAUSES.get(run.paused_because, "") if news == PAUSED else ""


def _policy(message: Message) -> RunSummary | None:
    """Return what asks a second person to let a policy repair."""
    policies = FilterPolicy.objects.shown().select_related("repair_by")
    policy = policies.filter(pk=message.details["policy"]).first()
    if policy is None or policy.repair_by is None or not policy.waits_for_a_second_person:
        return None
    person = policy.repair_by
    return RunSummary(
        news=WAITS,
        head=f"{person.name} asks you to confirm that a policy repairs: {policy.name}",
        number=0,
        person=person.name,
        reason="",
        why=f"{second_person.policy_load(policy, by=person).why} {_CONFIRM_POLICY}".strip(),
        results=(),
        look=links.absolute(reverse("policy", args=[policy.pk])),
    )
