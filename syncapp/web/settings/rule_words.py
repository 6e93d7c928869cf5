"""Labels for the reasons why a rule left an edit to reviewers."""

from __future__ import annotations

from syncapp.models import RuleTrace

_REFUSALS = {
    "own_edit": "its author’s own edit",
    "crm_has_another_value": "the CRM holds another value now",
    "bad_value": "the CRM would not accept the value",
    "already_decided": "already decided by a person",
    "changed_meanwhile": "the edit has changed",
    "not_possible": "the contact was deleted",
    "editor_unknown": "the editor is unknown",
    "editor_unidentified": "the editor has no Entra ID in the CRM",
}


def refusal(code: str) -> str:
    """Return the label of the reason why a rule did not decide."""
    return _REFUSALS.get(code, code)


def left_to_people(trace: RuleTrace) -> str:
    """Return which rule left an undecided field to reviewers, and why."""
    why = f": {refusal(trace.refused)}" if trace.refused else ""
    return f"left to reviewers by the rule “{trace.rule}”{why}"
