"""What the rules' pages need: a column's label, and why a rule left an edit to people."""

from __future__ import annotations

from collections.abc import Mapping

from django import template
from django.utils.safestring import SafeString

from syncapp.templatetags.portal import shown
from syncapp.web.settings import rule_words

register = template.Library()


@register.simple_tag
def label(name: str, labels: Mapping[str, str]) -> SafeString:
    """Return what the CRM calls a column."""
    return shown(labels.get(name, name))


@register.simple_tag
def refusal(code: str) -> str:
    """Why a rule did not decide, in a few words."""
    return rule_words.refusal(code)
