"""The words for what stands in the trail: actions, channels, findings. What is new here is shown by its own name."""

from __future__ import annotations

from dataclasses import dataclass

from syncapp.models import AuditEntry, Breaker
from syncapp.models.audit import area_of
from syncapp.models.preferences import Preferences
from syncapp.models.review.decision import Kind


@dataclass(frozen=True, slots=True)
class Did:
    """An action in one or two words, with its picture and tone."""

    icon: str
    word: str
    tone: str = ""


_DID = {
    "field.review.approved": Did("check", "Approved"),
    "field.review.rejected": Did("cross", "Rejected"),
    "field.put_back.rejected": Did("undo", "Put back"),
    "field.after_all.approved": Did("check", "Approved after all"),
    "field.undone": Did("undo", "Took back"),
    "field.retried": Did("retry", "Tried again"),
    "field.delivery.written": Did("check", "Written", "good"),
    "field.delivery.already": Did("check", "Was already so", "good"),
    "field.delivery.conflict": Did("split", "Conflict", "warn"),
    "field.delivery.failed": Did("stop-sign", "Not written", "bad"),
    "field.delivery.withdrawn": Did("gone", "Withdrawn"),
    "field.recognized.approved": Did("check", "Found approved"),
    "field.recognized.rejected": Did("cross", "Found rejected"),
    "field.recognized.superseded": Did("newer", "Found superseded"),
    "field.lost.approved": Did("alert", "Approval lost", "warn"),
    "field.lost.rejected": Did("alert", "Rejection lost", "warn"),
    "field.superseded": Did("newer", "Superseded"),
    "field.withdrawn": Did("gone", "Withdrawn"),
    "record.assigned": Did("user", "Assigned"),
    "record.parked": Did("clock", "Parked"),
    "record.unparked": Did("clock", "Unparked"),
    "record.remark": Did("pencil", "Remarked"),
    "record.question": Did("user", "Asked"),
    "record.answer": Did("user", "Answered"),
    "person.signed_in": Did("user", "Signed in"),
    "person.signed_out": Did("user", "Signed out"),
    "person.absence": Did("clock", "Absence"),
    "person.added": Did("user", "Added a person"),
    "person.wishes": Did("user", "Mails and times"),
    "mail.retried": Did("retry", "Mail sent again"),
    "person.keys": Did("user", "Keys"),
    "person.active": Did("user", "Switched on or off"),
    "gate.closed": Did("lock", "Stopped", "warn"),
    "gate.opened": Did("check", "Let on again"),
    "connection.first_contact": Did("mark", "First contact"),
    "connection.writes": Did("mark", "Connection"),
    "filter.switched": Did("sliders", "Filters of a user"),
    "filter.method_set": Did("server", "Mailbox method"),
    "run.frozen": Did("lock", "Run planned"),
    "run.prepared_again": Did("retry", "List tried again"),
    "run.asked": Did("user", "Asked a second person"),
    "run.started": Did("check", "Run started"),
    "run.confirmed": Did("check", "Run confirmed"),
    "run.moved": Did("clock", "Run moved"),
    "run.paused": Did("pause", "Run paused", "warn"),
    "run.resumed": Did("check", "Run goes on"),
    "run.cancelled": Did("cross", "Run cancelled"),
    "run.undone": Did("undo", "Undo began"),
    "run.done": Did("check", "Run ended", "good"),
    "settings.changed": Did("sliders", "Setting changed"),
    "policy.created": Did("sliders", "New policy"),
    "policy.changed": Did("sliders", "Policy changed"),
    "policy.repair_asked": Did("user", "Policy: repair asked for"),
    "policy.repairs": Did("check", "Policy repairs"),
    "policy.shadow": Did("clock", "Policy in shadow"),
    "policy.paused": Did("pause", "Policy paused"),
    "policy.resumed": Did("check", "Policy goes on"),
    "policy.asks": Did("alert", "Policy stopped itself", "warn"),
    "policy.compared": Did("retry", "Policy compared"),
    "policy.excepted": Did("user", "Policy leaves users alone"),
    "policy.decided": Did("check", "Policy was put in charge"),
    "policy.removed": Did("gone", "Policy removed"),
    "list.saved": Did("user", "Saved a list"),
    "list.replaced": Did("user", "Replaced a list"),
    "list.deleted": Did("gone", "Deleted a list"),
    "rule.created": Did("sliders", "New rule"),
    "rule.changed": Did("sliders", "Rule changed"),
    "rule.moved": Did("sliders", "Rule moved"),
    "rule.simulated": Did("sliders", "Rule simulated"),
    "rule.enabled": Did("check", "Rule enabled"),
    "rule.shadow": Did("clock", "Rule in shadow"),
    "rule.paused": Did("sliders", "Rule paused"),
    "rule.paused_itself": Did("alert", "Rule paused itself", "warn"),
    "rule.removed": Did("gone", "Rule removed"),
}
_CORRECTED = Did("pencil", "Corrected")
_MARKED = Did("check", "Marked in CRM")
_PUT_BACK = Did("undo", "Found put back")

_CHANNELS = {
    "screen": "page",
    "mail": "mail link",
    "link": "mail link",
    "worker": "worker",
    "mirror": "mirror",
    "rule": "rule",
    "run": "filter run",
    "policy": "policy",
    "settings": "settings page",
    "file": "settings file",
    "sign_in": "browser",
    "command": "terminal",
    "system": "the portal itself",
}
_FINDINGS = {
    "ours": "found written after a lost answer",
    "found_later": "found written in CRM later",
    "contact_gone": "the contact was deleted in CRM",
    "elsewhere": "decided in CRM itself",
    "before_restore": "decided through the portal before a restore",
    "row_gone": "the edit is no longer in CRM",
    "unknown_column": "CRM has no such column any more",
    "gone": "the edit is no longer in CRM",
    "decided_in_the_crm": "decided in CRM itself",
}


def did(entry: AuditEntry) -> Did:
    """What the entry says was done."""
    if entry.action == "field.review.approved" and entry.details.get("corrected"):
        return _CORRECTED
    if entry.action == "field.delivery.written" and entry.details.get("finding") == "mark":
        return _MARKED
    if entry.action == "field.recognized.rejected" and entry.details.get("kind") == Kind.PUT_BACK:
        return _PUT_BACK
    return action(entry.action)


def action(name: str) -> Did:
    """The words of an action by its name."""
    return _DID.get(name) or Did("mark", _spoken(name.rpartition(".")[2]))


def choice(name: str) -> str:
    """An action in a list of actions: with its area where another one has the same words."""
    word = action(name).word
    is_double = sum(each.word == word for each in _DID.values()) > 1
    return f"{word} ({area_of(name).label})" if is_double else word


def channel(name: str) -> str:
    """Through what it was done."""
    return _CHANNELS.get(name) or _spoken(name).lower()


def finding(code: str) -> str:
    """What a delivery or the mirror found, where the action alone does not say it."""
    return _FINDINGS.get(code, "")


def setting(name: str) -> str:
    """A setting by the name that its page uses."""
    known = {field.name: field.verbose_name for field in Preferences._meta.concrete_fields}
    return _spoken(str(known.get(name, name)))


def breaker(name: str) -> str:
    """Return what a breaker stops."""
    return dict(Breaker.Name.choices).get(name, _spoken(name))


def _spoken(name: str) -> str:
    words = name.replace("_", " ").replace(":", " ").strip()
    return words[:1].upper() + words[1:]
