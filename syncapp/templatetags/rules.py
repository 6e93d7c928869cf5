"""Template tags of the rules' pages."""

from __future__ import annotations

from collections.abc import Mapping

from django import template
from django.utils.safestring import SafeString

from syncapp.templatetags.portal import shown
from syncapp.web.settings import rule_words

register = template.Library()


@register.simple_tag
def label(name: str, labels: Mapping[str, str]) -> SafeString:
    """Return the CRM's label of a column."""
    return shown(labels.get(name, name))


@register.simple_tag
def refusal(code: str) -> str:
    """Return the label of the reason why a rule did not decide."""
    return rule_words.refusal(code)
