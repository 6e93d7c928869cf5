"""An entry of the trail as a person reads it: who, what, on which contact, what changed, why, through what."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
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
from syncapp.web.activity import run_entries, words
from syncapp.web.activity.words import Did
from syncapp.web.base import times
from syncapp.web.review import outcomes

PORTAL = "Portal"
SHORT_DIGEST = 12
LONG = 600  # characters: some fifteen lines of a printed entry
# Values that a person reads as they stand, beside what they were.
_SAID = ("record.remark", "record.question", "record.answer")
_CHANGES_NOTHING = frozenset(
    {"field.undone", "field.retried", "field.superseded", "field.withdrawn", "field.recognized.superseded"}
)


@dataclass(frozen=True, slots=True)
class Shown:
    """One entry. `change` is what it changed, `notes` what else is to be said; `address` is its subject's page."""

    entry: AuditEntry
    did: Did
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
    def is_portal(self) -> bool:
        return self.entry.actor is None

    @property
    def is_erased(self) -> bool:
        return facts.is_erased(self.entry)

    @property
    def is_long(self) -> bool:
        """Whether its values fill a good part of a printed page, so that a page may end within them."""
        sides_of_it = (self.change.before.text, self.change.after.text) if self.change else ()
        return sum(map(len, (*sides_of_it, *self.notes))) > LONG

    @property
    def digests(self) -> tuple[tuple[str, str], ...]:
        """What stands for the values, in short."""
        held = (("before", self.entry.before_digest), ("after", self.entry.after_digest))
        return tuple((word, digest[:SHORT_DIGEST]) for word, digest in held if digest)

    @property
    def seal(self) -> str:
        """The entry's own digest."""
        return audit.seal(self.entry)


@dataclass(frozen=True, slots=True)
class Day:
    """The entries of one day in the reader's time zone."""

    day: date
    entries: tuple[Shown, ...]

    @property
    def title(self) -> str:
        """Today, Friday 20 November."""
        today = timezone.localdate()
        known = {0: "Today, ", 1: "Yesterday, "}.get((today - self.day).days, "")
        is_this_year = self.day.year == today.year
        day = localization.day_and_month(self.day, long=True) if is_this_year else localization.day(self.day, long=True)
        return f"{known}{self.day:%A} {day}"


def shown(entries: Sequence[AuditEntry]) -> list[Shown]:
    """These entries in words."""
    behind, known = facts.of(entries), columns.of_table("contact")
    return [_shown(entry, behind, known) for entry in entries]


def by_day(entries: Sequence[Shown]) -> list[Day]:
    """The entries, as they come, under the days on which they happened."""

    def local_day(each: Shown) -> date:
        return timezone.localdate(each.entry.at)

    return [Day(day, tuple(of_it)) for day, of_it in groupby(entries, key=local_day)]


def _shown(entry: AuditEntry, behind: Facts, known: Mapping[str, Column]) -> Shown:
    column = known.get(entry.column_name)
    subject, address = _subject(entry, behind)
    return Shown(
        entry=entry,
        did=words.did(entry),
        subject=subject,
        label=column.label if column else entry.column_name,
        change=_change(entry, column, behind),
        notes=tuple(filter(None, _notes(entry, behind))),
        via=_via(entry, behind),
        address=address,
    )


def _subject(entry: AuditEntry, behind: Facts) -> tuple[str, str]:
    """The edit, the user or the run that it is about, with its page; '' where that is no longer here."""
    if entry.area == Area.FILTER:
        return run_entries.subject(entry, behind)
    record = behind.records.get(entry.record_id) if entry.record_id else None
    return (record.name or "Edit without a name", reverse("record", args=[record.pk])) if record else ("", "")


def _change(entry: AuditEntry, column: Column | None, behind: Facts) -> ValueDiff | None:
    value = facts.value_of(entry)
    if value is None or entry.action in _SAID or entry.action in _CHANGES_NOTHING:
        return None
    if value.before is None and value.after is None and not _empties(entry):
        return None
    if entry.action in facts.ABOUT_PEOPLE:
        return values.diff_values(None, (_name(value.before, behind), ""), (_name(value.after, behind), ""))
    was, will = (value.before, behind.label(entry, value.before)), (value.after, behind.label(entry, value.after))
    return values.diff_values(column, was, will)


def _empties(entry: AuditEntry) -> bool:
    """Whether nothing on both sides means "empty" rather than "no values"."""
    return entry.area == Area.DECISION


def _name(text: str | None, behind: Facts) -> str:
    person = behind.people.get(parse_uuid(text) or uuid.UUID(int=0))
    return person.name if person else "nobody" if text is None else "somebody who is gone"


def _notes(entry: AuditEntry, behind: Facts) -> list[str]:
    value = facts.value_of(entry)
    reason = value.reason if value else ""
    if entry.action in _SAID:
        return [_asked(entry, behind), value.after or "" if value else ""]
    if entry.area == Area.FILTER and behind.run(entry):
        return [*run_entries.notes(entry, behind), f"Reason: {reason}" if reason else ""]
    if entry.area == Area.DECISION:
        return [_taken_back(entry), _before_restore(entry, behind), f"Reason: {_reason(reason)}" if reason else ""]
    if entry.area in (Area.DELIVERY, Area.MIRROR):
        return [
            _newer(entry, behind),
            words.finding(str(entry.details.get("finding", entry.details.get("why")))),
            reason,
        ]
    return [behind.rule(entry) or behind.person(entry) or _about(entry), reason]


def _reason(stored: str) -> str:
    code, text = preferences.split_reason(stored)
    said = reasons.describe(code, text)
    return said[:1].lower() + said[1:] if code else said


def _taken_back(entry: AuditEntry) -> str:
    if entry.action != "field.undone":
        return ""
    return {"approved": "the approval", "rejected": "the rejection"}.get(str(entry.details.get("outcome")), "")


def _before_restore(entry: AuditEntry, behind: Facts) -> str:
    """Say who decided what a restore lost, as the CRM's row or the log says."""
    decision = behind.decisions.get(entry.decision_id) if entry.decision_id else None
    if decision is not None and entry.action.startswith("field.lost."):
        return f"{outcomes.lost_words(decision)} It was not written."
    if decision is None or not entry.action.startswith("field.recognized."):
        return ""
    by = f" by {decision.decider}" if decision.decider else ""
    return f"decided through the portal{by} {times.at(decision.decided_at)}, before a restore; found in CRM"


def _newer(entry: AuditEntry, behind: Facts) -> str:
    if entry.action != "field.superseded":
        return ""
    newer = behind.newer(entry)
    return f"by a newer edit of {newer.editor_name}" if newer and newer.editor_name else "by a newer edit"


def _asked(entry: AuditEntry, behind: Facts) -> str:
    person = behind.people.get(parse_uuid(entry.details.get("asked")) or uuid.UUID(int=0))
    return f"{person.name}:" if person else ""


def _about(entry: AuditEntry) -> str:
    """What settings and sign-ins are about, from their codes."""
    details = entry.details
    if "gate" in details:
        return words.breaker(str(details["gate"]))
    if "setting" in details:
        return words.setting(str(details["setting"]))
    if entry.action == "person.signed_in":
        return "as " + (", ".join(map(str, details.get("roles", []))) or "nobody")
    return "; ".join(f"{name.replace('_', ' ')}: {_plain(value)}" for name, value in details.items())


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _via(entry: AuditEntry, behind: Facts) -> str:
    """Through what it was done; for the worker on whose behalf."""
    decision = behind.decisions.get(entry.decision_id) if entry.decision_id else None
    if entry.channel == "worker" and decision and decision.decider:
        return f"for {decision.decider}"
    if entry.channel == "rule" and behind.rule(entry):
        return f"rule {behind.rule(entry)}"
    return words.channel(entry.channel)


def clock(when: datetime) -> str:
    """15:05:12 in the reader's time zone."""
    return localization.clock(when, seconds=True)
