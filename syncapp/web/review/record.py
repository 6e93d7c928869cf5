"""A record as its page shows it: the fields in order, each with its change, its state and its controls."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.conf import settings
from django.db.models import Prefetch

from syncapp.crm.staging.records import Column
from syncapp.crm.values.lookups import NamedRow
from syncapp.mirror.edits.live_values import ContactDetails, RefreshResult
from syncapp.models import Decision, Person, RuleTrace, SyncField, SyncRecord
from syncapp.models.folding import search_key
from syncapp.models.mirror.sync_field import FieldDecision
from syncapp.models.person import Role
from syncapp.review import earlier_rejections, four_eyes, groups, history
from syncapp.review.diff import values
from syncapp.review.four_eyes import BlockReason, Editors
from syncapp.review.groups import Group
from syncapp.review.queue import reads
from syncapp.web.base import holds
from syncapp.web.review.field import FieldShown
from syncapp.web.review.forms import AGAIN, Problem, Typed
from syncapp.web.review.group import GroupShown, Row
from syncapp.web.review.outcomes import UNREADABLE, Outcome, outcome

OWN_EDIT = Outcome("lock", "none", "Your own edit", "another reviewer decides it")
UNIDENTIFIED = Outcome("lock", "none", "Could be your own edit", "the editor has no Entra id in the CRM")
ONLY_LOOK = Outcome("lock", "none", "You may look", "deciding needs the reviewer role")

TypedOf = Callable[[uuid.UUID | str], Typed]


def nothing_typed(key: uuid.UUID | str) -> Typed:
    """The controls of a page that was just opened."""
    return Typed()


@dataclass(frozen=True, slots=True)
class Asked:
    """What the request brought for the page: what was typed, what was wrong with it, what is split, what was found."""

    typed: TypedOf = nothing_typed
    problems: Mapping[uuid.UUID | str | None, Problem] = field(default_factory=dict)
    split: Collection[str] = ()
    found: Mapping[uuid.UUID, Sequence[NamedRow]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecordShown:
    """One contact's edit: everything on the right side of the queue.

    `unidentified`: the CRM has no Entra id of the editor, so four eyes cannot be proved.
    """

    record: SyncRecord
    fields: tuple[FieldShown, ...]
    groups: tuple[GroupShown, ...]
    others: tuple[SyncRecord, ...]
    may_decide: bool
    typed_all: Typed
    problem: Problem | None = None
    unidentified: bool = False
    crm_failed: bool = False
    belongs: ContactDetails | None = None

    @property
    def id(self) -> uuid.UUID:
        return self.record.pk

    @property
    def rows(self) -> list[Row]:
        """The page's lines by label; a group stands where the first of its fields would."""
        return list(_rows(self.fields, self.groups))

    @property
    def counted(self) -> list[FieldShown]:
        """The fields that "Approve all N" means."""
        return [shown for shown in self.fields if shown.counts_for_all]

    @property
    def recognized(self) -> list[FieldShown]:
        """The fields whose decision was found in the CRM after a restore."""
        return [shown for shown in self.fields if shown.is_recognized]

    @property
    def recognized_by(self) -> str:
        """Return who took those decisions, by name; '' where that is nobody's decision."""
        names = (each.recognized_by for each in self.recognized)
        return ", ".join(dict.fromkeys(filter(None, names)))

    @property
    def decidable(self) -> list[FieldShown]:
        return [shown for shown in self.fields if shown.can_decide]

    @property
    def is_under_way(self) -> bool:
        """Whether the page asks again every two seconds."""
        return bool(self.live or self.back)

    @property
    def live(self) -> str:
        """The rows that are being written, as the page's next question carries them."""
        return ",".join(str(shown.id) for shown in self.fields if shown.is_being_written)

    @property
    def back(self) -> str:
        """Those that were written and wait to be read back."""
        return ",".join(str(shown.id) for shown in self.fields if shown.is_under_way and not shown.is_being_written)

    @property
    def told(self) -> str:
        """Those beside which the page says that somebody else was first; it goes on saying so."""
        told = (each for each in self.fields if each.problem and not each.problem.control)
        return ",".join(str(each.id) for each in told if each.is_under_way)

    @property
    def refused(self) -> list[FieldShown | GroupShown]:
        heads: list[FieldShown | GroupShown] = [group for group in self.groups if group.problem]
        return heads + [shown for shown in self.fields if shown.problem]

    @property
    def read_at(self) -> datetime | None:
        """When the CRM's values were read; None while one of them never was."""
        times = [shown.field.crm_now_read_at for shown in self.fields if shown.field.is_undecided or shown.is_failed]
        known = [time for time in times if time is not None]
        return min(known) if known and len(known) == len(times) else None

    @property
    def wants_reading(self) -> bool:
        """Whether the CRM's present values matter to a decision."""
        return bool(self.decidable)

    @property
    def contact_state(self) -> str:
        """Return that the contact is no longer in use, as was read last; '' while it is."""
        return next((shown.field.contact_state for shown in self.fields if shown.field.contact_state), "")

    @property
    def crm_address(self) -> str:
        """The contact's form in the CRM."""
        record = self.record
        query = f"etn={record.target_table}&pagetype=entityrecord&id={record.target_id}"
        return f"{settings.CRM_ORIGIN}/main.aspx?{query}" if record.target_id else ""


def record_shown(
    record: SyncRecord,
    *,
    person: Person,
    known: Mapping[str, Column],
    wanted_groups: Iterable[groups.GroupDefinition] = (),
    asked: Asked = Asked(),
) -> RecordShown:
    """Read everything that the page of this edit needs, in a handful of queries; `known` are its table's columns."""
    found = fields_of(record)
    grouped = groups.find_groups(found, wanted_groups, known)
    build = _Builder(record, person=person, known=known, asked=asked, fields=found, grouped=grouped)
    fields = {row.pk: build.field(row) for row in found}
    together = [group for group in (build.group(each, fields) for each in grouped) if group.undoes_together]
    fields |= {each.id: replace(each, undone_with_group=True) for group in together for each in group.undoable}
    return RecordShown(
        record=record,
        fields=tuple(sorted(fields.values(), key=lambda shown: (search_key(shown.label), shown.id))),
        groups=tuple(build.group(group, fields) for group in grouped),
        others=tuple(reads.other_open_edits(record)),
        may_decide=build.locked is None,
        unidentified=build.is_unidentified,
        typed_all=asked.typed("all"),
        problem=asked.problems.get(None),
    )


def fields_of(record: SyncRecord) -> list[SyncField]:
    """The fields of an edit with their decisions, newest first, and with the rules that left them to people."""
    newest_first = Decision.objects.select_related("decided_by", "rule", "delivery").order_by("-version")
    left = RuleTrace.objects.filter(is_shadow=False, decision__isnull=True).select_related("rule").order_by("-at")
    behind = (Prefetch("decisions", newest_first), Prefetch("rule_traces", left))
    found = list(SyncField.objects.filter(record=record).prefetch_related(*behind))
    for row in found:
        row.record = record
    return found


def only(shown: RecordShown, ids: Iterable[uuid.UUID]) -> list[FieldShown]:
    """The rows of these fields."""
    wanted = set(ids)
    return [each for each in shown.fields if each.id in wanted]


def heads_of(shown: RecordShown, rows: Collection[FieldShown]) -> list[GroupShown]:
    """The heads of the groups that these rows belong to."""
    ids = {row.id for row in rows}
    return [group for group in shown.groups if any(each.id in ids for each in group.fields)]


def crm_silent(shown: RecordShown) -> RecordShown:
    """The same page, saying that the CRM did not answer."""
    return replace(shown, crm_failed=True)


def just_read(shown: RecordShown, found: RefreshResult) -> RecordShown:
    """The same page with what the CRM said besides, which is not kept."""
    fields = (replace(each, crm_problem=found.unreadable.get(each.id, "")) for each in shown.fields)
    return replace(shown, belongs=found.belongs, fields=tuple(fields) if found.unreadable else shown.fields)


class _Builder:
    """What all rows of one page share."""

    def __init__(
        self,
        record: SyncRecord,
        *,
        person: Person,
        known: Mapping[str, Column],
        asked: Asked,
        fields: Sequence[SyncField],
        grouped: Sequence[Group],
    ) -> None:
        self.person, self.known, self.asked = person, known, asked
        editors = four_eyes.load_editors([record.editor_id])
        self.locked = _lock(record, person, editors)
        self.is_unidentified = editors.is_unidentified(record.editor_id)
        earlier = history.other_edits(record, fields)
        self._echoes = history.find_former_values(fields, earlier, known)
        self._held = holds.cached_reason()
        self._newer = history.newer_edits(record, fields)
        self._refused = earlier_rejections.find_among(fields, earlier)
        bound = [group for group in grouped if groups.is_decided_together(group, asked.split)]
        self._bound = {row.pk: group.name for group in bound for row in group.open_fields}
        self._parts = {row.pk for group in grouped for row in group.fields}

    def field(self, row: SyncField) -> FieldShown:
        column = self.known.get(row.column_name)
        newer = self._newer.get(row.column_name) if row.decision == FieldDecision.SUPERSEDED else None
        return FieldShown(
            field=row,
            column=column,
            change=values.diff_field(row, column),
            outcome=outcome(row, person=self.person, held=self._held, newer=newer),
            locked=UNREADABLE if row.unreadable or row.record.unreadable else self.locked,
            typed=self.asked.typed(row.pk),
            typed_again=self.asked.typed(f"{AGAIN}-{row.pk}"),
            problem=self.asked.problems.get(row.pk),
            echo=self._echoes.get(row.pk),
            refused=self._refused_words(row),
            group=self._bound.get(row.pk, ""),
            is_part=row.pk in self._parts,
            found=self.asked.found.get(row.pk, ()),
        )

    def _refused_words(self, row: SyncField) -> str:
        refusal = self._refused.get(row.pk)
        return earlier_rejections.describe(refusal, reader=self.person) if refusal else ""

    def group(self, group: Group, shown: Mapping[uuid.UUID, FieldShown]) -> GroupShown:
        return GroupShown(
            key=group.key,
            name=group.name,
            fields=tuple(shown[row.pk] for row in group.fields),
            is_split=group.key in self.asked.split,
            typed=self.asked.typed(f"group-{group.key}"),
            problem=self.asked.problems.get(f"group-{group.key}"),
        )


def _lock(record: SyncRecord, person: Person, editors: Editors) -> Outcome | None:
    if not person.has_role(Role.REVIEWER):
        return ONLY_LOOK
    return _LOCKS.get(editors.block_reason(record.editor_id, (person,)))


_LOCKS: Mapping[BlockReason | None, Outcome] = {BlockReason.OWN: OWN_EDIT, BlockReason.UNIDENTIFIED: UNIDENTIFIED}


def _rows(fields: Iterable[FieldShown], grouped: Iterable[GroupShown]) -> Iterable[Row]:
    group_of = {each.id: group for group in grouped for each in group.fields}
    begun: set[str] = set()
    for each in fields:
        group = group_of.get(each.id)
        if group is None:
            yield Row(field=each)
        elif group.key not in begun:
            begun.add(group.key)
            yield Row(group=group)
