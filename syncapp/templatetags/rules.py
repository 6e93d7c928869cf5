"""What the rules' pages need: a column's label, and why a rule left an edit to people."""

from __future__ import annotations

from collections.abc import Mapping

from django import template

register = template.Library()
_REFUSALS = {
    "own_edit": "its author’s own edit",
    "crm_has_another_value": "CRM holds another value by now",
    "bad_value": "CRM could not take the value",
    "already_decided": "somebody was first",
    "changed_meanwhile": "it changed meanwhile",
    "not_possible": "the contact is gone",
    "editor_unknown": "its editor is not known",
}


@register.simple_tag
def label(name: str, labels: Mapping[str, str]) -> str:
    """What the CRM calls a column."""
    return labels.get(name, name)


@register.simple_tag
def refusal(code: str) -> str:
    """Why a rule did not decide, in a few words."""
    return _REFUSALS.get(code, code)
