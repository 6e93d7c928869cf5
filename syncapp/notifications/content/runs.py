"""The content of mails about filter runs, and about requests that wait for a second person."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from syncapp.models import Capture, FilterPolicy, FilterRun, Message
from syncapp.models.sync_filters.run import Outcome, RunState
from syncapp.notifications import links
from syncapp.sync_filters import second_person
from syncapp.sync_filters.runs import titles, transitions
from syncapp.sync_filters.runs.notification_rules import DONE, PAUSED, UNDONE, WAITS

_HEADLINES = {
    WAITS: "{person} asks you to confirm: {title}",
    PAUSED: "Paused: {title}",
    DONE: "Ended: {title}",
    UNDONE: "{person} is undoing run {undone}: {title}",
}
_STARTED = (RunState.RUNNING, RunState.PAUSED, RunState.DONE, RunState.CANCELLED)
_STATES = {WAITS: (RunState.WAITING,), PAUSED: (RunState.PAUSED,), DONE: (RunState.DONE,), UNDONE: _STARTED}
_CONFIRM_RUN = "A second person must confirm this list of users. The run does not start until then."
_CONFIRM_POLICY = "A second person must confirm on the policy’s page. Nothing is switched until then."
_CONFIRM_RULE = (
    "A second administrator must confirm it. With this rule, every change that does not raise the revision counts as "
    "an Outlook edit, including changes by programs that were overlooked. Nothing changes until then."
)
_PAUSES = {
    "pilot": "The pilot is complete. Check its results, then resume the run.",
    "failures": "The run was paused automatically because more users failed than its limit allows.",
    "impersonation": "The run was paused automatically because the CRM ignored impersonation.",
}


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The state of a run, policy or rule: headline, explanation, number of users per outcome, address of its page.

    `selection`: how the users of a waiting run were selected.
    """

    event: str
    headline: str
    reason: str
    explanation: str
    results: tuple[tuple[str, int], ...]
    url: str
    selection: str = ""

    @property
    def why(self) -> str:
        """Return why the recipient gets the mail."""
        if self.event == WAITS:
            return ", because you can confirm it"
        return ", because you started or confirmed this run, or a run that it undoes"


def summarize_run(message: Message) -> RunSummary | None:
    """Summarize the run of a message; return None if it is no longer in the state that the message reports."""
    event, run_id = str(message.details["news"]), message.details["run"]
    run = FilterRun.objects.select_related("person", "undoes").filter(pk=run_id, state__in=_STATES[event]).first()
    if run is None:
        return None
    counted = transitions.count_by_outcome(run)
    undone = run.undoes.number if run.undoes else ""
    explanation = ""
    if event == WAITS:
        explanation = f"{second_person.run_load(run).why} {_CONFIRM_RUN}".strip()
    elif event == UNDONE and run.undoes:
        explanation = f"The filters are restored as run {undone} found them, unless they have changed since."
    elif event == PAUSED:
        explanation = _PAUSES.get(run.paused_because, "")
    return RunSummary(
        event=event,
        headline=_HEADLINES[event].format(person=run.person.name, title=titles.title(run), undone=undone),
        reason=run.reason,
        explanation=explanation,
        results=tuple((each.label, counted[each.value]) for each in Outcome if each.value in counted),
        url=links.absolute(reverse("filter_run", args=[run.pk])),
        selection=run.words if event == WAITS else "",
    )


def summarize_policy(message: Message) -> RunSummary | None:
    """Summarize a policy that waits for a second person to turn on repair; return None if it no longer waits."""
    policies = FilterPolicy.objects.current().select_related("repair_by")
    policy = policies.filter(pk=message.details["policy"]).first()
    if policy is None or policy.repair_by is None or not policy.waits_for_a_second_person:
        return None
    person = policy.repair_by
    return RunSummary(
        event=WAITS,
        headline=f"{person.name} asks you to confirm that policy {policy.name} may repair",
        reason="",
        explanation=f"{second_person.policy_load(policy, by=person).why} {_CONFIRM_POLICY}".strip(),
        results=(),
        url=links.absolute(reverse("policy", args=[policy.pk])),
    )


def summarize_rule() -> RunSummary | None:
    """Summarize the original rule of capture while it waits for a second person; return None otherwise."""
    capture = Capture.objects.select_related("rule_asked_by").first()
    if capture is None or capture.rule_asked_by is None or not capture.rule_waits:
        return None
    return RunSummary(
        event=WAITS,
        headline=f"{capture.rule_asked_by.name} asks you to confirm the original rule of capture",
        reason="",
        explanation=_CONFIRM_RULE,
        results=(),
        url=links.absolute(reverse("settings_capture")),
    )
