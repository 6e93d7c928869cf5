"""What a mail says of a filter run, as it is at the moment of sending; nothing where that is over."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from syncapp import links
from syncapp.filters import run_states, titles
from syncapp.filters.run_news import DONE, PAUSED, WAITS
from syncapp.models import FilterRun, Message
from syncapp.models.filter_run import Outcome, RunState

_HEADS = {
    WAITS: "{person} asks you to confirm: {title}",
    PAUSED: "Paused: {title}",
    DONE: "Ended: {title}",
}
_STATES = {WAITS: RunState.WAITING, PAUSED: RunState.PAUSED, DONE: RunState.DONE}
_PAUSES = {
    "pilot": "The pilot is done. Look at its results, then let the rest go on.",
    "failures": "It stopped itself, because more users failed than its limit allows.",
    "impersonation": "It stopped itself, because CRM ignored in whose name it was written.",
}


@dataclass(frozen=True, slots=True)
class RunTold:
    """The headline, why it stands still, how many users ended in which way, and the page."""

    news: str
    head: str
    number: int
    person: str
    reason: str
    why: str
    results: tuple[tuple[str, int], ...]
    look: str


def told(message: Message) -> RunTold | None:
    """What this message tells; None when the run is no longer in that state."""
    news, run_id = str(message.details["news"]), message.details["run"]
    run = FilterRun.objects.select_related("person").filter(pk=run_id, state=_STATES[news]).first()
    if run is None:
        return None
    counted = run_states.outcomes(run)
    return RunTold(
        news=news,
        head=_HEADS[news].format(person=run.person.name, title=titles.title(run)),
        number=run.number,
        person=run.person.name,
        reason=run.reason,
        why=_PAUSES.get(run.paused_because, "") if news == PAUSED else "",
        results=tuple((each.label, counted[each.value]) for each in Outcome if each.value in counted),
        look=links.absolute(reverse("filter_run", args=[run.pk])),
    )
