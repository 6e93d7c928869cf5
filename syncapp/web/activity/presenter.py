"""Presenters of audit entries: person, action, contact, change, reason, and channel."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import groupby

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
from syncapp.web.activity import details, person_content, rule_content, run_entries, setting_content, subjects, words
from syncapp.web.activity.links import Links
from syncapp.web.activity.run_entries import EndState
from syncapp.web.activity.words import ActionLabel
from syncapp.web.base import times
from syncapp.web.review import outcomes

PORTAL = "Portal"
DIGEST_LENGTH = 12
MAX_UNBROKEN_LENGTH = 600  # characters, about fifteen printed lines
# Actions whose value is a text that a person wrote.
_COMMENTS = ("record.remark", "record.question", "record.answer")
_OUTCOMES = {"approved": "the approval", "rejected": "the rejection"}
# Actions whose values are in the subject or the notes, or that have none.
_ACTIONS_WITHOUT_DIFF = frozenset(
    {
        "connection.writes",
        "field.recognized.superseded",
        "field.retried",
        "field.superseded",
        "field.undone",
        "field.withdrawn",
        "list.deleted",
        "list.replaced",
        "list.saved",
    }
)


@dataclass(frozen=True, slots=True)
class Total:
    """A result in a group, and the number of its users or fields; `address` is the page that lists them, or ''."""

    icon: str
    tone: str
    number: int
    words: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """The content of a row that can be opened: its results and, once it is open, its steps and newest lines.

    `address` is the query string of the page with the row opened, or closed if it is open. `step_actions` and
    `line_actions` are the audit actions of the steps and of the lines.
    """

    name: str
    address: str
    totals: tuple[Total, ...]
    all_words: str
    all_address: str
    line_actions: tuple[str, ...]
    step_actions: tuple[str, ...] = ()
    is_open: bool = False
    steps: tuple[EntryPresenter, ...] = ()
    lines: tuple[EntryPresenter, ...] = ()


@dataclass(frozen=True, slots=True)
class EntryPresenter:
    """An entry for the templates: `change` is its value diff, `state` the desired state, `notes` are further facts.

    `address` is the page of the subject, '' if the reader may open none. `group` is set if the row can be opened.
    """

    entry: AuditEntry
    who: str
    is_by_portal: bool
    action_label: ActionLabel
    subject: str
    label: str
    change: ValueDiff | None
    notes: tuple[str, ...]
    via: str
    address: str
    state: EndState | None = None
    group: Group | None = None

    @property
    def phrases(self) -> tuple[str, ...]:
        """Return the state and the notes as text."""
        return (*([str(self.state)] if self.state else []), *self.notes)

    @property
    def is_erased(self) -> bool:
        return facts.is_erased(self.entry)

    @property
    def is_long(self) -> bool:
        """Return whether the values and notes are so long that a page break may fall inside them."""
        sides = (self.change.before.text, self.change.after.text) if self.change else ()
        return sum(map(len, (*sides, *self.notes))) > MAX_UNBROKEN_LENGTH

    @property
    def digests(self) -> tuple[tuple[str, str], ...]:
        """Return the shortened digests that stand for erased values."""
        held = (("before", self.entry.before_digest), ("after", self.entry.after_digest))
        return tuple((word, digest[:DIGEST_LENGTH]) for word, digest in held if digest)

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
        return known + localization.with_weekday(f"{self.day:%A}", day)


def present(entries: Sequence[AuditEntry], links: Links, related: Facts | None = None) -> list[EntryPresenter]:
    """Prepare entries for the templates; `related` are their facts if already loaded."""
    related, known, found = related or facts.load(entries), columns.of_table("contact"), []
    for entry in entries:
        record = related.records.get(entry.record_id) if entry.record_id else None
        subject, address = subjects.subject(entry, related, links)
        if record:
            subject, address = record.name or "Edit without a name", links.to("record", record.pk)
        rule = related.rule(entry)
        decision = related.decisions.get(entry.decision_id) if entry.decision_id else None
        via = words.channel(entry.channel)
        if entry.channel == "worker" and decision and decision.decider:
            via = f"for {decision.decider}"  # the person on whose behalf the worker acted
        elif entry.channel == "rule" and rule:
            via = f"rule “{rule.name}”"
        column = known.get(entry.column_name)
        row = EntryPresenter(
            entry=entry,
            who=str(entry.actor) if entry.actor else PORTAL,
            is_by_portal=entry.actor is None,
            action_label=run_entries.label(entry, related) or words.label_of(entry),
            subject=subject,
            label=column.label if column else entry.column_name,
            change=_change(entry, column, related),
            notes=tuple(filter(None, _notes(entry, related))),
            via=via,
            address=address,
            state=run_entries.state(entry, related) if entry.area == Area.FILTER else None,
        )
        found.append(row)
    return found


def by_day(entries: Sequence[EntryPresenter]) -> list[Day]:
    """Group the entries by day in the reader's time zone, keeping their order."""
    grouped = groupby(entries, key=lambda each: timezone.localdate(each.entry.at))
    return [Day(day, tuple(day_entries)) for day, day_entries in grouped]


def _change(entry: AuditEntry, column: Column | None, related: Facts) -> ValueDiff | None:
    value = facts.values_of(entry)
    if value is None or entry.action in _COMMENTS or entry.action in _ACTIONS_WITHOUT_DIFF:
        return None
    # In decisions, None on both sides means "empty" rather than "no values".
    if value.before is None and value.after is None and entry.area != Area.DECISION:
        return None
    if entry.action in facts.ABOUT_PEOPLE:
        return values.diff_values(
            None, (_person_name(value.before, related), ""), (_person_name(value.after, related), "")
        )
    if describe := _describer(entry, related):
        return values.diff_values(None, (describe(value.before), ""), (describe(value.after), ""))
    before, after = ((text, related.label(entry, text)) for text in (value.before, value.after))
    return values.diff_values(column, before, after)


def _describer(entry: AuditEntry, related: Facts) -> Callable[[str | None], str | None] | None:
    """Return the function that describes values of this kind of entry; None if they are values of a column."""
    if entry.action == facts.ABSENCE:
        return partial(person_content.absence_in_words, people=related.people)
    if entry.action.startswith("person."):
        return person_content.in_words
    if entry.action.startswith("rule."):
        return rule_content.in_words
    if entry.action == "settings.changed":
        return partial(setting_content.in_words, str(entry.details.get("setting", "")))
    if entry.action in ("record.parked", "record.unparked"):
        return person_content.day_in_words
    return None


def _person_name(text: str | None, related: Facts) -> str:
    person = related.people.get(parse_uuid(text) or uuid.UUID(int=0))
    if person is not None:
        return person.name
    return "no one" if text is None else "a former user"


def _notes(entry: AuditEntry, related: Facts) -> list[str]:
    value = facts.values_of(entry)
    reason = value.reason if value else ""
    if entry.action in _COMMENTS:
        colleague = related.people.get(parse_uuid(entry.details.get("asked")) or uuid.UUID(int=0))
        return [f"{colleague.name}:" if colleague else "", value.after or "" if value else ""]
    if related.run(entry):
        return [*run_entries.notes(entry, related), f"Reason: {reason}" if reason else ""]
    if entry.area == Area.DECISION and entry.field_id is not None:
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
        newer = related.superseding_edit(entry) if entry.action == "field.superseded" else None
        by = f"by a newer edit of {newer.editor_name}" if newer and newer.editor_name else "by a newer edit"
        finding = words.finding(str(entry.details.get("finding", entry.details.get("why"))))
        return [by if entry.action == "field.superseded" else "", finding, reason]
    return [*details.notes(entry, related), reason]
