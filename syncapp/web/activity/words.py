"""Labels for the codes of audit entries: actions, channels, findings. Unknown codes are shown under their names."""

from __future__ import annotations

from dataclasses import dataclass

from syncapp.capture.brakes import Brake
from syncapp.models import AuditEntry, Breaker
from syncapp.models.audit import area_of
from syncapp.models.person import Role
from syncapp.models.review.decision import Kind


@dataclass(frozen=True, slots=True)
class ActionLabel:
    """The label of an action, with its icon and tone."""

    icon: str
    word: str
    tone: str = ""


_ACTIONS = {
    "field.review.approved": ActionLabel("check", "Approved"),
    "field.review.rejected": ActionLabel("cross", "Rejected"),
    "field.put_back.rejected": ActionLabel("undo", "Put back"),
    "field.after_all.approved": ActionLabel("check", "Approved after all"),
    "selection.approved": ActionLabel("check", "Approved together"),
    "selection.rejected": ActionLabel("cross", "Rejected together"),
    "field.undone": ActionLabel("undo", "Undid"),
    "field.retried": ActionLabel("retry", "Retried"),
    "field.delivery.written": ActionLabel("check", "Written", "good"),
    "field.delivery.already": ActionLabel("check", "Already in the CRM", "good"),
    "field.delivery.conflict": ActionLabel("split", "Conflict", "warn"),
    "field.delivery.failed": ActionLabel("stop-sign", "Not written", "bad"),
    "field.delivery.withdrawn": ActionLabel("gone", "Withdrawn"),
    "field.recognized.approved": ActionLabel("check", "Found approved"),
    "field.recognized.rejected": ActionLabel("cross", "Found rejected"),
    "field.recognized.superseded": ActionLabel("newer", "Found superseded"),
    "field.lost.approved": ActionLabel("alert", "Approval lost", "warn"),
    "field.lost.rejected": ActionLabel("alert", "Rejection lost", "warn"),
    "field.superseded": ActionLabel("newer", "Superseded"),
    "field.withdrawn": ActionLabel("gone", "Withdrawn"),
    "record.assigned": ActionLabel("user", "Assigned"),
    "record.parked": ActionLabel("clock", "Parked"),
    "record.unparked": ActionLabel("clock", "Unparked"),
    "record.remark": ActionLabel("pencil", "Commented"),
    "record.question": ActionLabel("user", "Asked"),
    "record.answer": ActionLabel("user", "Answered"),
    "person.signed_in": ActionLabel("user", "Signed in"),
    "person.signed_out": ActionLabel("user", "Signed out"),
    "person.absence": ActionLabel("clock", "Absence changed"),
    "person.added": ActionLabel("user", "Person added"),
    "person.wishes": ActionLabel("user", "Preferences changed"),
    "mail.retried": ActionLabel("retry", "Mail retried"),
    "person.keys": ActionLabel("user", "Shortcuts changed"),
    "person.theme": ActionLabel("user", "Theme changed"),
    "person.active": ActionLabel("user", "Access changed"),
    "gate.closed": ActionLabel("lock", "Stopped", "warn"),
    "gate.opened": ActionLabel("check", "Resumed"),
    "field.restore.put_back": ActionLabel("undo", "Restored value put back"),
    "capture.paused": ActionLabel("pause", "Capture paused", "warn"),
    "capture.switched_on": ActionLabel("check", "Capture source switched on"),
    "capture.switched_off": ActionLabel("lock", "Capture source switched off"),
    "capture.ended": ActionLabel("lock", "Capture ended"),
    "capture.everyone": ActionLabel("user", "Capture extended to everyone"),
    "capture.handling": ActionLabel("sliders", "Capture column changed"),
    "capture.stopped": ActionLabel("pause", "Restoring stopped", "warn"),
    "capture.resumed": ActionLabel("check", "Capture resumed"),
    "capture.limit": ActionLabel("sliders", "Capture limit changed"),
    "capture.signature": ActionLabel("check", "Signature seen"),
    "capture.identity_added": ActionLabel("user", "Capture user added"),
    "capture.identity_removed": ActionLabel("gone", "Capture user removed"),
    "capture.rule_asked": ActionLabel("user", "Original rule requested"),
    "capture.rule_confirmed": ActionLabel("check", "Original rule turned on"),
    "capture.rule_withdrawn": ActionLabel("cross", "Original rule withdrawn"),
    "capture.rule_signed": ActionLabel("check", "Signed rule turned on"),
    "capture.retried": ActionLabel("retry", "Edits from Outlook retried"),
    "capture.left": ActionLabel("check", "Edits from Outlook left in the CRM"),
    "capture.put_back_planned": ActionLabel("lock", "Putting back planned"),
    "capture.put_back_started": ActionLabel("check", "Putting back started"),
    "capture.put_back_retried": ActionLabel("retry", "Putting back retried"),
    "capture.put_back_stopped": ActionLabel("pause", "Putting back stopped", "warn"),
    "capture.put_back_discarded": ActionLabel("cross", "Putting back discarded"),
    "capture.put_back_ended": ActionLabel("check", "Putting back ended", "good"),
    "connection.first_contact": ActionLabel("mark", "First connected"),
    "connection.writes": ActionLabel("mark", "Write access changed"),
    "connection.checked": ActionLabel("mark", "Connection checked"),
    "filter.switched": ActionLabel("sliders", "User’s filters switched"),
    "filter.method_set": ActionLabel("server", "Synchronization method set"),
    "run.frozen": ActionLabel("lock", "Run planned"),
    "run.prepared_again": ActionLabel("retry", "List retried"),
    "run.released": ActionLabel("check", "Users released"),
    "run.held_back": ActionLabel("lock", "Users held back"),
    "run.left_out": ActionLabel("minus", "Users left out"),
    "run.taken_back": ActionLabel("undo", "Users included again"),
    "run.asked": ActionLabel("user", "Confirmation requested"),
    "run.started": ActionLabel("check", "Run started"),
    "run.confirmed": ActionLabel("check", "Run confirmed"),
    "run.moved": ActionLabel("clock", "Run moved"),
    "run.paused": ActionLabel("pause", "Run paused", "warn"),
    "run.resumed": ActionLabel("check", "Run resumed"),
    "run.cancelled": ActionLabel("cross", "Run canceled"),
    "run.undone": ActionLabel("undo", "Undo started"),
    "run.done": ActionLabel("check", "Run ended", "good"),
    "settings.changed": ActionLabel("sliders", "Setting changed"),
    "policy.created": ActionLabel("sliders", "Policy created"),
    "policy.changed": ActionLabel("sliders", "Policy changed"),
    "policy.repair_asked": ActionLabel("user", "Policy repair requested"),
    "policy.repairs": ActionLabel("check", "Policy repairs"),
    "policy.shadow": ActionLabel("clock", "Policy in shadow"),
    "policy.paused": ActionLabel("pause", "Policy paused"),
    "policy.resumed": ActionLabel("check", "Policy resumed"),
    "policy.asks": ActionLabel("alert", "Policy stopped", "warn"),
    "policy.compared": ActionLabel("retry", "Policy compared"),
    "policy.excepted": ActionLabel("user", "Policy exception"),
    "policy.decided": ActionLabel("check", "Policy given priority"),
    "policy.removed": ActionLabel("gone", "Policy removed"),
    "list.saved": ActionLabel("user", "List saved"),
    "list.replaced": ActionLabel("user", "List replaced"),
    "list.deleted": ActionLabel("gone", "List deleted"),
    "rule.created": ActionLabel("sliders", "Rule created"),
    "rule.changed": ActionLabel("sliders", "Rule changed"),
    "rule.moved": ActionLabel("sliders", "Rule moved"),
    "rule.simulated": ActionLabel("sliders", "Rule simulated"),
    "rule.enabled": ActionLabel("check", "Rule enabled"),
    "rule.shadow": ActionLabel("clock", "Rule in shadow"),
    "rule.paused": ActionLabel("sliders", "Rule paused"),
    "rule.paused_itself": ActionLabel("alert", "Rule paused automatically", "warn"),
    "rule.removed": ActionLabel("gone", "Rule removed"),
}
_CORRECTED = ActionLabel("pencil", "Corrected")
_MARKED = ActionLabel("check", "Marked in CRM")
_PUT_BACK = ActionLabel("undo", "Found put back")

_CHANNELS = {
    "screen": "page",
    "selection": "selected in Review",
    "mail": "link in a mail",
    "link": "link in a mail",
    "worker": "background job",
    "mirror": "read from the CRM",
    "rule": "rule",
    "run": "filter run",
    "policy": "policy",
    "settings": "settings page",
    "file": "settings file",
    "sign_in": "browser",
    "command": "terminal",
    "system": "portal",
}
_FINDINGS = {
    "ours": "found written after a lost answer",
    "found_later": "found written in the CRM later",
    "contact_gone": "the contact was deleted in the CRM",
    "elsewhere": "decided in the CRM",
    "before_restore": "decided in the portal before a restore",
    "row_gone": "the edit is no longer in the CRM",
    "unknown_column": "the CRM no longer has this column",
    "gone": "the edit is no longer in the CRM",
    "decided_in_the_crm": "decided in the CRM",
}

_SETTINGS = {
    "undo_seconds": "Time to undo a decision",
    "reason_required": "Require a reason for rejecting",
    "anyone_decides_unidentified": "Allow decisions on edits by unidentified editors",
    "reasons": "Reasons for rejecting",
    "field_groups": "Fields decided together",
    "backlog": "Backlog",
    "overdue_hours": "Hours until an edit is overdue",
    "mail_values": "Values in mails",
    "tell_editors": "Mails to editors",
    "operations_address": "Address for operations",
}
_BRAKES = {
    Brake.MANY_RESTORES: "too many restores",
    Brake.MASS_EDIT: "too many changes at once",
    Brake.SIGNATURE_GONE: "the synchronization’s signature is gone",
    Brake.SIGNERS_CHANGED: "the list of signing users was changed",
    Brake.RIVAL: "something else stages the same edits",
}


def label_of(entry: AuditEntry) -> ActionLabel:
    """Return the label of the entry's action."""
    if entry.action == "field.review.approved" and entry.details.get("corrected"):
        return _CORRECTED
    if entry.action == "field.delivery.written" and entry.details.get("finding") == "mark":
        return _MARKED
    if entry.action == "field.recognized.rejected" and entry.details.get("kind") == Kind.PUT_BACK:
        return _PUT_BACK
    return action(entry.action)


def action(name: str) -> ActionLabel:
    """Return the label of an action."""
    return _ACTIONS.get(name) or ActionLabel("mark", _readable(name.rpartition(".")[2]))


def choice_label(name: str) -> str:
    """Return the label of an action for a select, with its area if another action has the same label."""
    word = action(name).word
    is_shared = sum(each.word == word for each in _ACTIONS.values()) > 1
    return f"{word} ({area_of(name).label})" if is_shared else word


def channel(name: str) -> str:
    """Return the label of a channel."""
    return _CHANNELS.get(name) or _readable(name).lower()


def finding(code: str) -> str:
    """Return the label of what a delivery or the mirror found; '' if the code has no label."""
    return _FINDINGS.get(code, "")


def setting(name: str) -> str:
    """Return the label of a setting."""
    return _SETTINGS.get(name) or _readable(name)


def role(name: str) -> str:
    """Return the label of a role."""
    return Role(name).label if name in list(Role) else _readable(name)


def brake(code: str) -> str:
    """Return why capture was paused automatically."""
    return _BRAKES.get(Brake(code), code) if code in list(Brake) else _readable(code).lower()


def breaker(name: str) -> str:
    """Return the label of a breaker."""
    return dict(Breaker.Name.choices).get(name, _readable(name))


def _readable(name: str) -> str:
    words = name.replace("_", " ").replace(":", " ").strip()
    return words[:1].upper() + words[1:]
