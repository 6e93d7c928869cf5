"""The results of a bulk decision, in words."""

from __future__ import annotations

from collections.abc import Mapping

from syncapp.models.review.decision import DecisionState
from syncapp.web.activity.presenter import Total

# In the order of the page: icon, tone, words.
DECISION_RESULTS: Mapping[str, tuple[str, str, str]] = {
    DecisionState.WRITTEN: ("check", "good", "written"),
    DecisionState.ALREADY: ("check", "good", "already in the CRM"),
    DecisionState.OPEN: ("clock", "", "to be written"),
    DecisionState.BOUND: ("clock", "", "being written"),
    DecisionState.CONFLICT: ("split", "warn", "changed in the CRM since then"),
    DecisionState.FAILED: ("stop-sign", "bad", "not written"),
    DecisionState.REPLACED: ("newer", "", "decided again"),
    DecisionState.UNDONE: ("undo", "", "undone"),
    DecisionState.WITHDRAWN: ("gone", "", "withdrawn"),
    DecisionState.LOST: ("alert", "warn", "lost in a restore"),
}


def totals_of(counted: Mapping[str, int]) -> tuple[Total, ...]:
    """Return the number of decisions in each state that occurs."""
    return tuple(
        Total(icon, tone, counted[state], words)
        for state, (icon, tone, words) in DECISION_RESULTS.items()
        if counted.get(state)
    )
