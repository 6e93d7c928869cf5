"""Subjects of entries without an edit: their names and the addresses of their pages."""

from __future__ import annotations

from syncapp.activity import facts
from syncapp.activity.facts import Facts
from syncapp.models import AuditEntry
from syncapp.models.review.rule import RuleState
from syncapp.models.sync_filters.policy import PolicyMode
from syncapp.text.localization import number
from syncapp.web.activity import run_entries, words
from syncapp.web.activity.links import Links

Subject = tuple[str, str]
NOTHING: Subject = ("", "")
_MAIL_SETTINGS = ("backlog", "overdue_hours", "mail_values", "tell_editors", "operations_address")
_PAGES = {
    "gate": ("Connection", "settings_connection"),
    "connection": ("Connection", "settings_connection"),
    "capture": ("Capture", "settings_capture"),
    "mail": ("Mails", "settings_mails"),
}


def subject(entry: AuditEntry, related: Facts, links: Links) -> Subject:
    """Return the name and the address of the subject; '' if it has no name, or no page that this reader may open."""
    family = entry.action.partition(".")[0]
    if family in ("run", "filter"):
        return run_entries.subject(entry, related, links)
    if family == "policy":
        policy = related.policy(entry)
        exists = policy is not None and policy.mode != PolicyMode.REMOVED
        return (policy.name, links.to("policy", policy.pk) if exists else "") if policy else NOTHING
    if family == "list":
        user_list, value = related.user_list(entry), facts.values_of(entry)
        if user_list is not None:
            return user_list.name, links.to("user_list", user_list.pk)
        return ((value.after or value.before or "") if value else ""), ""  # a deleted list keeps its last name
    if family == "rule":
        rule = related.rule(entry)
        exists = rule is not None and rule.state != RuleState.REMOVED
        return (rule.name, links.to("settings_rule", rule.pk) if exists else "") if rule else NOTHING
    if family == "person":
        person = related.person(entry)
        return (person.name, links.to("settings_person", person.pk)) if person else NOTHING
    if family == "selection":
        fields = int(entry.details.get("fields") or 0)
        name = f"{number(fields)} field{'' if fields == 1 else 's'}"
        return name, links.to("selection", entry.group) if entry.group else ""
    if family == "settings":
        name = str(entry.details.get("setting", ""))
        page = "settings_mails" if name in _MAIL_SETTINGS else "settings_review"
        return (words.setting(name), links.to(page)) if name else NOTHING
    if entry.action.startswith("capture.put_back_") and entry.group:
        return "Putting back", links.to("settings_put_back_plan", entry.group)
    if entry.details.get("gate") == "smtp":
        family = "mail"
    name, page = _PAGES.get(family, NOTHING)
    return (name, links.to(page)) if page else NOTHING
