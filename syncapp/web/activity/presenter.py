"""Presenters of audit entries: who, what, on which contact, what changed, why, and from where."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from django.urls import reverse
from django.utils import timezone

from syncapp import audit, preferences
from syncapp.activity import facts
from syncapp.activity.facts import Facts
from syncapp.crm.staging.records import Column
from syncapp.mirror import columns
from syncapp.models import AuditEntry
from syncapp.models.audit import Area
from syncapp.review import reasons
from syncapp.review.diff import values
from syncapp.review.diff.values import ValueDiff
from syncapp.text import localization
from syncapp.text.ids import parse_uuid
from syncapp.web.activity import rule_content, run_entries, words
from syncapp.web.activity.words import ActionLabel
from syncapp.web.base import times
from syncapp.web.review import outcomes

PORTAL = "Portal"
SHORT_DIGEST = 12
LONG = 600  # characters: about fifteen printed lines
# Actions whose value is a text that a person wrote.
_COMMENTS = ("record.remark", "record.question", "record.answer")
_OUTCOMES = {"approved": "the approval", "rejected": "the rejection"}
_CHANGES_NOTHING = frozenset(
    {"field.undone", "field.retried", "field.superseded", "field.withdrawn", "field.recognized.superseded"}
)


@dataclass(frozen=True, slots=True)
class EntryPresenter:
    """An entry for the templates: `change` is its value diff, `notes` are further facts, `address` is the subject."""

    entry: AuditEntry
    did: ActionLabel
    subject: str
    label: str
    change: ValueDiff | None
    notes: tuple[str, ...]
    via: str
    address: str

    @property
    def who(self) -> str:
        return str(self.entry.actor) if self.entry.actor else PORTAL

    @property
    def is_by_portal(self) -> bool:
        return self.entry.actor is None

    @property
    def is_erased(self) -> bool:
        return facts.is_erased(self.entry)

    @property
    def is_long(self) -> bool:
        """Return whether its values are so long that a printed page may end within them."""
        sides_of_it = (self.change.before.text, self.change.after.text) if self.change else ()
        return sum(map(len, (*sides_of_it, *self.notes))) > LONG

    @property
    def digests(self) -> tuple[tuple[str, str], ...]:
        """Return the shortened digests that stand for erased values."""
        held = (("before", self.entry.before_digest), ("after", self.entry.after_digest))
        return tuple((word, digest[:SHORT_DIGEST]) for word, digest in held if digest)

    @property
    def seal(self) -> str:
        """Return the digest of the whole entry."""
        return audit.seal(self.entry)


@dataclass(frozen=True, slots=True)
class Day:
    """The entries of one day in the reader's time zone."""

    day: date
    entries: tuple[EntryPresenter, ...]

    @property
    def title(self) -> str:
        """Return a heading such as "Today, Friday 20 November"."""
        today = timezone.localdate()
        known = {0: "Today, ", 1: "Yesterday, "}.get((today - self.day).days, "")
        is_this_year = self.day.year == today.year
        day = localization.day_and_month(self.day, long=True) if is_this_year else localization.day(self.day, long=True)
        return f"{known}{self.day:%A} {day}"


def present(entries: Sequence[AuditEntry]) -> list[EntryPresenter]:
    """Prepare entries for the templates."""
    related, known, found = facts.load(entries), columns.of_table("contact"), []
    for entry in entries:
        record = related.records.get(entry.record_id) if entry.record_id else None
        subject, address = "", ""  # of something that no longer exists
        if entry.area == Area.FILTER:
            subject, address = run_entries.subject(entry, related)
        elif record:
            subject, address = record.name or "Edit without a name", reverse("record", args=[record.pk])
        decision = related.decisions.get(entry.decision_id) if entry.decision_id else None
        via = words.channel(entry.channel)
        if entry.channel == "worker" and decision and decision.decider:
            via = f"for {decision.decider}"  # the person on whose behalf the worker acted
        elif entry.channel == "rule" and related.rule(entry):
            via = f"rule {related.rule(entry)}"
        column = known.get(entry.column_name)
        row = EntryPresenter(
            entry=entry,
            did=words.label_of(entry),
            subject=subject,
            label=column.label if column else entry.column_name,
            change=_change(entry, column, related),
            notes=tuple(filter(None, _notes(entry, related))),
            via=via,
            address=address,
        )
        found.append(row)
    return found


def by_day(entries: Sequence[EntryPresenter]) -> list[Day]:
    """Group the entries by the reader's days, keeping their order."""
    grouped = groupby(entries, key=lambda each: timezone.localdate(each.entry.at))
    return [Day(day, tuple(of_day)) for day, of_day in grouped]


def _change(entry: AuditEntry, column: Column | None, related: Facts) -> ValueDiff | None:
    value = facts.value_of(entry)
    if value is None or entry.action in _COMMENTS or entry.action in _CHANGES_NOTHING:
        return None
    # In decisions, None on both sides means "empty" rather than "no values".
    if value.before is None and value.after is None and entry.area != Area.DECISION:
        return None
    if entry.action in facts.ABOUT_PEOPLE:
        return values.diff_values(None, (_name(value.before, related), ""), (_name(value.after, related), ""))
    if entry.action.startswith("rule."):
        before, after = rule_content.in_words(value.before), rule_content.in_words(value.after)
        return values.diff_values(None, (before, ""), (after, ""))
    was, will = (value.before, related.label(entry, value.before)), (value.after, related.label(entry, value.after))
    return values.diff_values(column, was, will)


def _name(text: str | None, related: Facts) -> str:
    person = related.people.get(parse_uuid(text) or uuid.UUID(int=0))
    return person.name if person else "no one" if text is None else "a former user"


def _notes(entry: AuditEntry, related: Facts) -> list[str]:
    value = facts.value_of(entry)
    reason = value.reason if value else ""
    if entry.action in _COMMENTS:
        colleague = related.people.get(parse_uuid(entry.details.get("asked")) or uuid.UUID(int=0))
        return [f"{colleague.name}:" if colleague else "", value.after or "" if value else ""]
    if entry.area == Area.FILTER and related.run(entry):
        return [*run_entries.notes(entry, related), f"Reason: {reason}" if reason else ""]
    if entry.area == Area.DECISION:
        undone = _OUTCOMES.get(str(entry.details.get("outcome")), "") if entry.action == "field.undone" else ""
        code, text = preferences.split_reason(reason)
        why = reasons.describe(code, text)
        why = why[:1].lower() + why[1:] if code else why
        decision = related.decisions.get(entry.decision_id) if entry.decision_id else None
        before_restore = ""
        if decision is not None and entry.action.startswith("field.lost."):
            before_restore = f"{outcomes.lost_words(decision)} It was not written."
        elif decision is not None and entry.action.startswith("field.recognized."):
            by = f" by {decision.decider}" if decision.decider else ""
            at = times.at(decision.decided_at)
            before_restore = f"decided in the portal{by} {at}, before a restore; found in CRM"
        return [undone, before_restore, f"Reason: {why}" if reason else ""]
    if entry.area in (Area.DELIVERY, Area.MIRROR):
        newer = related.newer(entry) if entry.action == "field.superseded" else None
        by = f"by a newer edit of {newer.editor_name}" if newer and newer.editor_name else "by a newer edit"
        finding = words.finding(str(entry.details.get("finding", entry.details.get("why"))))
        return [by if entry.action == "field.superseded" else "", finding, reason]
    return [related.rule(entry) or related.person(entry) or _about(entry), reason]


def _about(entry: AuditEntry) -> str:
    """Describe the subject of an entry about settings or a sign-in by its codes."""
    details = entry.details
    if "gate" in details:
        return words.breaker(str(details["gate"]))
    if "setting" in details:
        return words.setting(str(details["setting"]))
    if entry.action == "person.signed_in":
        return "as " + (", ".join(map(str, details.get("roles", []))) or "no role")
    described = []
    for name, value in details.items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        if isinstance(value, bool):
            text = "yes" if value else "no"
        described.append(f"{name.replace('_', ' ')}: {text}")
    return "; ".join(described)
