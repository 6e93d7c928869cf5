"""Why a rule left an edit to people, in words."""

from __future__ import annotations

from syncapp.models import RuleTrace

_REFUSALS = {
    "own_edit": "its author’s own edit",
    "crm_has_another_value": "CRM holds another value by now",
    "bad_value": "CRM could not take the value",
    "already_decided": "somebody was first",
    "changed_meanwhile": "it changed meanwhile",
    "not_possible": "the contact is gone",
    "editor_unknown": "its editor is not known",
    "editor_unidentified": "its editor has no Entra id in the CRM",
}


def refusal(code: str) -> str:
    """Why a rule did not decide, in a few words."""
    return _REFUSALS.get(code, code)


def left(trace: RuleTrace) -> str:
    """That a rule looked at an undecided field, and left it."""
    why = f": {refusal(trace.refused)}" if trace.refused else ""
    return f"left to people by the rule “{trace.rule}”{why}"
