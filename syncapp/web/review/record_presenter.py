"""The record page: an edit with its fields in order, and the groups in which they are decided."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db.models import Prefetch

from syncapp.crm.staging.records import Column
from syncapp.crm.values.lookups import NamedRow
from syncapp.mirror.edits import live_values
from syncapp.mirror.edits.live_values import ContactDetails, RefreshResult
from syncapp.models import Decision, Person, RuleTrace, SyncField, SyncRecord
from syncapp.models.folding import search_key
from syncapp.models.mirror.sync_field import FieldDecision
from syncapp.models.person import Role
from syncapp.review import earlier_rejections, four_eyes, groups, history
from syncapp.review.diff import values
from syncapp.review.four_eyes import BlockReason
from syncapp.review.groups import Group
from syncapp.review.queue import reads
from syncapp.web.base import crm_links, holds
from syncapp.web.review import restores
from syncapp.web.review.decision_form import ALL, FOLLOW_UP, FieldInput, Key, Problem
from syncapp.web.review.field_presenter import FieldPresenter
from syncapp.web.review.outcomes import UNREADABLE, OutcomePresenter, outcome

OWN_EDIT = OutcomePresenter("lock", "none", "Your own edit", "another reviewer must decide it")
UNIDENTIFIED = OutcomePresenter("lock", "none", "Possibly your own edit", "the editor has no Entra ID in the CRM")
VIEW_ONLY = OutcomePresenter("lock", "none", "View only", "deciding needs the Reviewer role")
_LOCKS: Mapping[BlockReason | None, OutcomePresenter] = {
    BlockReason.OWN: OWN_EDIT,
    BlockReason.UNIDENTIFIED: UNIDENTIFIED,
}

InputOf = Callable[[Key], FieldInput]
Problems = Mapping[Key | None, Problem]


def no_input(key: Key) -> FieldInput:
    """Return empty controls, as on a page that was just opened."""
    return FieldInput()


@dataclass(frozen=True, slots=True)
class PageState:
    """The state that one request adds to an edit: input, problems, split groups and rows found for lookups."""

    input_of: InputOf = no_input
    problems: Problems = field(default_factory=dict)
    split: Collection[str] = ()
    lookup_rows: Mapping[uuid.UUID, Sequence[NamedRow]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GroupPresenter:
    """The header row of fields that are decided together. If the group is split, each field has its own buttons."""

    key: str
    name: str
    fields: tuple[FieldPresenter, ...]
    is_split: bool
    input: FieldInput
    problem: Problem | None = None

    @property
    def id(self) -> str:
        """Return the key that names the group's controls, as a field's id does for a field."""
        return f"group-{self.key}"

    @property
    def label(self) -> str:
        return self.name

    @property
    def decidable(self) -> list[FieldPresenter]:
        """Return the fields that the header row's buttons decide."""
        return [each for each in self.fields if each.group and each.can_decide]

    @property
    def can_decide(self) -> bool:
        return bool(self.decidable)

    @property
    def can_split(self) -> bool:
        return self.is_split or self.can_decide

    @property
    def undoable(self) -> list[FieldPresenter]:
        return [each for each in self.fields if each.outcome is not None and each.outcome.undo is not None]

    @property
    def is_undone_together(self) -> bool:
        """Return whether the header row has one undo button in place of one for each field."""
        return not self.is_split and len(self.undoable) > 1


@dataclass(frozen=True, slots=True)
class PageRow:
    """One row of the page: a field, or a group's header row with its fields below."""

    field: FieldPresenter | None = None
    group: GroupPresenter | None = None


@dataclass(frozen=True, slots=True)
class RecordPresenter:
    """One contact's edit: the right side of the queue.

    `is_editor_unidentified`: the CRM has no Entra ID for the editor, so the portal cannot check whether it is a
    reviewer's own edit. `live_words`: how long the values were in the CRM until capture restored the originals, '' if
    that is not known.
    """

    record: SyncRecord
    fields: tuple[FieldPresenter, ...]
    groups: tuple[GroupPresenter, ...]
    other_edits: tuple[SyncRecord, ...]
    may_decide: bool
    input_for_all: FieldInput
    problem: Problem | None = None
    is_editor_unidentified: bool = False
    crm_failed: bool = False
    crm_refused: bool = False
    contact_details: ContactDetails | None = None
    live_words: str = ""

    @property
    def id(self) -> uuid.UUID:
        return self.record.pk

    @property
    def rows(self) -> Iterator[PageRow]:
        """Yield the rows, sorted by label; a group has the place of its first field."""
        group_of = {each.id: group for group in self.groups for each in group.fields}
        begun: set[str] = set()
        for each in self.fields:
            group = group_of.get(each.id)
            if group is None:
                yield PageRow(field=each)
            elif group.key not in begun:
                begun.add(group.key)
                yield PageRow(group=group)

    @property
    def in_approve_all(self) -> list[FieldPresenter]:
        """Return the fields that "Approve all N" decides."""
        return [each for each in self.fields if each.is_in_approve_all]

    @property
    def left_out(self) -> list[FieldPresenter]:
        """Return the fields that "Approve all" leaves out, because each needs a separate decision."""
        return [each for each in self.decidable if not each.is_in_approve_all]

    @property
    def offers_all(self) -> bool:
        """Return whether the page offers to decide all fields that can be decided together."""
        return bool(self.in_approve_all) and len(self.decidable) > 1

    @property
    def recognized(self) -> list[FieldPresenter]:
        """Return the fields whose decision was found in the CRM after a restore."""
        return [each for each in self.fields if each.is_recognized]

    @property
    def recognized_by(self) -> str:
        """Return the names of the people who took the recognized decisions."""
        names = (each.recognized_by for each in self.recognized)
        return ", ".join(dict.fromkeys(filter(None, names)))

    @property
    def decidable(self) -> list[FieldPresenter]:
        return [each for each in self.fields if each.can_decide]

    @property
    def polls(self) -> bool:
        """Return whether the page polls every two seconds."""
        return bool(self.being_written or self.not_read_back)

    @property
    def being_written(self) -> str:
        """Return the ids of the fields that are being written, as the page's next poll sends them."""
        return _ids(each for each in self.fields if each.is_being_written)

    @property
    def not_read_back(self) -> str:
        """Return the ids of the fields that were written but have not been read back from the CRM yet."""
        return _ids(each for each in self.fields if each.changes_by_itself and not each.is_being_written)

    @property
    def decided_by_others(self) -> str:
        """Return the ids of the fields with a message that a colleague was first; a poll keeps the message."""
        with_message = (each for each in self.fields if each.problem and not each.problem.control)
        return _ids(each for each in with_message if each.changes_by_itself)

    @property
    def items_with_problems(self) -> list[FieldPresenter | GroupPresenter]:
        """Return the groups and fields that were not decided."""
        refused_groups: list[FieldPresenter | GroupPresenter] = [group for group in self.groups if group.problem]
        return refused_groups + [each for each in self.fields if each.problem]

    @property
    def read_at(self) -> datetime | None:
        """Return when the oldest live value was read; None if one has never been read."""
        times = [each.field.crm_now_read_at for each in self.fields if each.field.is_undecided or each.is_failed]
        known = [time for time in times if time is not None]
        return min(known) if known and len(known) == len(times) else None

    @property
    def contact_state(self) -> str:
        """Return why the contact is not in use, as last read; '' if it is in use."""
        return next((each.field.contact_state for each in self.fields if each.field.contact_state), "")

    @property
    def crm_address(self) -> str:
        """Return the address of the contact's form in the CRM."""
        record = self.record
        return crm_links.form_address(record.target_table, record.target_id) if record.target_id else ""

    def fields_with(self, ids: Collection[uuid.UUID]) -> list[FieldPresenter]:
        return [each for each in self.fields if each.id in ids]

    def groups_of(self, fields: Collection[FieldPresenter]) -> list[GroupPresenter]:
        """Return the groups that these fields belong to."""
        ids = {each.id for each in fields}
        return [group for group in self.groups if any(each.id in ids for each in group.fields)]

    def with_live_values(self, found: RefreshResult | None) -> RecordPresenter:
        """Return the page with the results of a read that are not stored; None means no answer, or a refusal."""
        if found is None:
            return replace(self, crm_failed=True, crm_refused=live_values.are_refused())
        fields = tuple(replace(each, crm_problem=found.unreadable.get(each.id, "")) for each in self.fields)
        return replace(self, contact_details=found.details, fields=fields)


def present_record(
    record: SyncRecord,
    *,
    person: Person,
    columns: Mapping[str, Column],
    wanted_groups: Iterable[groups.GroupDefinition] = (),
    state: PageState = PageState(),
) -> RecordPresenter:
    """Read everything the page of an edit shows, in a handful of queries."""
    newest_first = Decision.objects.select_related("decided_by", "rule", "delivery").order_by("-version")
    skipped = RuleTrace.objects.filter(is_shadow=False, decision__isnull=True).select_related("rule").order_by("-at")
    related = (Prefetch("decisions", newest_first), Prefetch("rule_traces", skipped))
    rows = list(SyncField.objects.filter(record=record).prefetch_related(*related))
    for row in rows:
        row.record = record
    found_groups = groups.find_groups(rows, wanted_groups, columns)
    editors = four_eyes.load_editors([record.editor_id])
    is_reviewer = person.has_role(Role.REVIEWER)
    locked = _LOCKS.get(editors.block_reason(record.editor_id, (person,))) if is_reviewer else VIEW_ONLY
    found_restores = restores.load_restores(record)
    fields = _present_fields(record, rows, found_groups, person=person, columns=columns, locked=locked, state=state)
    repeated = restores.load_newest(record, {row.column_name for row in rows if row.repeats})
    for pk, each in fields.items():
        name = each.field.column_name
        fields[pk] = replace(each, restore=found_restores.get(name), repeated=repeated.get(name))
    undone_together = [group for group in _present_groups(found_groups, fields, state) if group.is_undone_together]
    fields |= {
        each.id: replace(each, is_undone_with_group=True) for group in undone_together for each in group.undoable
    }
    return RecordPresenter(
        record=record,
        fields=tuple(sorted(fields.values(), key=lambda each: (search_key(each.label), each.id))),
        groups=_present_groups(found_groups, fields, state),
        other_edits=tuple(reads.other_open_edits(record)),
        may_decide=locked is None,
        is_editor_unidentified=editors.is_unidentified(record.editor_id),
        input_for_all=state.input_of(ALL),
        problem=state.problems.get(None),
        live_words=restores.live_words(found_restores),
    )


def _present_fields(
    record: SyncRecord,
    rows: Sequence[SyncField],
    found_groups: Sequence[Group],
    *,
    person: Person,
    columns: Mapping[str, Column],
    locked: OutcomePresenter | None,
    state: PageState,
) -> dict[uuid.UUID, FieldPresenter]:
    earlier = history.fields_in_other_edits(record, rows)
    echoes = history.find_former_values(rows, earlier, columns)
    rejected_before = {
        pk: earlier_rejections.describe(found, reader=person)
        for pk, found in earlier_rejections.find_among(rows, earlier).items()
    }
    newer = history.newer_edits(record, rows)
    held = holds.cached_reason()
    bound = [group for group in found_groups if groups.is_decided_together(group, state.split)]
    group_names = {row.pk: group.name for group in bound for row in group.open_fields}
    in_groups = {row.pk for group in found_groups for row in group.fields}

    def present(row: SyncField) -> FieldPresenter:
        column = columns.get(row.column_name)
        newer_edit = newer.get(row.column_name) if row.decision == FieldDecision.SUPERSEDED else None
        return FieldPresenter(
            field=row,
            column=column,
            change=values.diff_field(row, column),
            outcome=outcome(row, person=person, held=held, newer=newer_edit),
            locked=UNREADABLE if row.unreadable or record.unreadable else locked,
            input=state.input_of(row.pk),
            follow_up_input=state.input_of(f"{FOLLOW_UP}-{row.pk}"),
            problem=state.problems.get(row.pk),
            echo=echoes.get(row.pk),
            rejected_before=rejected_before.get(row.pk, ""),
            group=group_names.get(row.pk, ""),
            is_in_group=row.pk in in_groups,
            lookup_rows=state.lookup_rows.get(row.pk, ()),
        )

    return {row.pk: present(row) for row in rows}


def _present_groups(
    found: Sequence[Group], fields: Mapping[uuid.UUID, FieldPresenter], state: PageState
) -> tuple[GroupPresenter, ...]:
    return tuple(
        GroupPresenter(
            key=group.key,
            name=group.name,
            fields=tuple(fields[row.pk] for row in group.fields),
            is_split=group.key in state.split,
            input=state.input_of(f"group-{group.key}"),
            problem=state.problems.get(f"group-{group.key}"),
        )
        for group in found
    )


def _ids(fields: Iterable[FieldPresenter]) -> str:
    return ",".join(str(each.id) for each in fields)
