"""The form of a record page: one submit becomes choices, or problems beside the input.

Its fields depend on the edit, so this is not a Django form, but it is used like one. Each control of a field carries
the field's id: seen.ID (digest of the shown values), tick.ID (approve), mark.ID (panel to reject or correct is open),
value.ID (the correction), fold.ID (which of two equal local times), find.ID (the name of a lookup's row), code.ID and
text.ID (the reason). A group's header row has the same controls with group-KEY as the id. `do` is the button, `split`
names the groups that are decided field by field, `next` asks for the next contact once every field is decided.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.http import QueryDict

from syncapp import preferences
from syncapp.crm.staging.records import Column, ColumnType
from syncapp.mirror import columns
from syncapp.models import Person, SyncField, SyncRecord
from syncapp.models.review.decision import Outcome
from syncapp.preferences import KEPT_CRM_VALUE, OTHER
from syncapp.review import context, earlier_rejections, groups, reasons
from syncapp.review.decisions import Choice
from syncapp.review.errors import AlreadyDecided, BadValue, ReviewError
from syncapp.web.review import corrections

ALL = "all"
FOLLOW_UP = "again"  # the reason for putting back or approving after all
EDIT_IS_GONE = "This edit is no longer here."
NOTHING_MARKED = "Select something to decide: tick fields to approve, or open Reject… or the pencil."
NO_DECISION = "No decision reached the portal, and nothing was changed. Try again."
REASON_REQUIRED = "Choose a reason for rejecting."
OTHER_NEEDS_TEXT = "Add an explanation for “Other”."
TOO_LONG = "Shorten the reason: it has %(show_value)d characters, and the limit is %(limit_value)d."

Key = UUID | str  # the key of controls: a field's id, group-KEY or ALL


@dataclass(frozen=True, slots=True)
class FieldInput:
    """The content of one field's controls when the form was sent."""

    ticked: bool = False
    marks: frozenset[str] = frozenset()
    value: tuple[str, ...] | None = None
    code: str = ""
    text: str = ""
    find: str = ""

    @property
    def is_marked(self) -> bool:
        return self.ticked or bool(self.marks & {"reject", "correct"})

    @property
    def reason(self) -> str:
        """Return the text without surrounding blanks; the page shows it as it was typed."""
        return self.text.strip()


@dataclass(frozen=True, slots=True)
class Problem:
    """A reason for a refusal. `control` is the input at fault: its name without the field's id, '' for none."""

    words: str
    control: str = ""


class Invalid(ValueError):
    """Input that must change before anything is decided, in the control named `control`."""

    def __init__(self, message: str, control: str = "") -> None:
        super().__init__(message)
        self.problem = Problem(message, control)


class FollowUpForm(forms.Form):
    """The reason for putting the old value back or approving after all."""

    reason = forms.CharField(
        max_length=reasons.MAX_LENGTH,
        error_messages={"required": "Enter a reason. It is saved with the decision.", "max_length": TOO_LONG},
    )

    def __init__(self, post: QueryDict, field_id: UUID) -> None:
        self.field_id = field_id
        super().__init__(post)

    def add_prefix(self, field_name: str) -> str:
        return f"text.{FOLLOW_UP}-{self.field_id}"

    @property
    def problem(self) -> Problem:
        return Problem(first_problem(self).words, FOLLOW_UP)


def first_problem(form: forms.Form) -> Problem:
    """Return the first error of an invalid form, with the name of its input."""
    name, errors = next(iter(form.errors.items()))
    return Problem(str(errors[0]), name)


def read_input(post: QueryDict, key: Key) -> FieldInput:
    """Return the content of the controls of one field, one group or all fields."""
    # If rejecting a value again is refused, the panel opens for the reason that is needed.
    again = {"reject"} if post.get("do") == f"reject-again:{key}" else set()
    return FieldInput(
        ticked=f"tick.{key}" in post,
        marks=frozenset(post.getlist(f"mark.{key}")) | again,
        value=corrections.typed_content(post, key),
        code=post.get(f"code.{key}", ""),
        text=post.get(f"text.{key}", ""),
        find=post.get(f"find.{key}", "").strip(),
    )


def read_reason(given: FieldInput) -> tuple[str, str]:
    """Return the code and the text of a rejection's reason. Raises Invalid if one is missing or too long."""
    code = offered_code(given.code)
    if code == OTHER and not given.reason:
        raise Invalid(OTHER_NEEDS_TEXT, "text")
    if len(given.reason) > reasons.MAX_LENGTH:
        lengths = {"show_value": len(given.reason), "limit_value": reasons.MAX_LENGTH}
        raise Invalid(TOO_LONG % lengths, "text")
    return code, given.reason


def offered_code(code: str) -> str:
    """Return the code if reviewers can choose it now, else ''. Raises Invalid if that leaves out a required reason."""
    found = code if code in reasons.options() else ""
    if not found and reasons.is_required():
        raise Invalid(REASON_REQUIRED, "code")
    return found


def split_groups(params: QueryDict) -> frozenset[str]:
    """Return the keys of the groups that are decided field by field."""
    return frozenset(params.getlist("split"))


def value_control(column: Column | None) -> str:
    """Return the control for a corrected value of this column: for a lookup, the search for a row by name."""
    return "find" if column is not None and column.type is ColumnType.LOOKUP else "value"


class DecisionForm:
    """One submit for an edit. After `is_valid`, `choices` holds the decisions, or `problems` says why none is taken.

    The keys of `problems` are those of the controls; None stands for the whole form.
    """

    def __init__(self, post: QueryDict, record: SyncRecord) -> None:
        self.post = post
        self.fields = list(SyncField.objects.filter(record=record))
        self.columns = columns.of_table(record.target_table)
        self.choices: list[Choice] = []
        self.problems: dict[Key | None, Problem] = {}
        found = groups.find_groups(self.fields, preferences.read().field_groups, self.columns)
        split = split_groups(post)
        self._joint_groups = {
            f"group-{group.key}": group for group in found if groups.is_decided_together(group, split)
        }

    @property
    def wants_next(self) -> bool:
        """Return whether to answer with the next contact, as decisions made with the keyboard request."""
        return self.post.get("next") == "contact"

    @property
    def means_all(self) -> bool:
        """Return whether the button means all fields that can be decided together."""
        return self.post.get("do", "") in _VERBS_FOR_ALL

    def is_valid(self) -> bool:
        """Turn the pressed button into choices; a single problem refuses all of them."""
        verb, _, key = self.post.get("do", "").partition(":")
        targets: list[tuple[SyncField, Key]] = []  # each field that the button means, with the key of its controls
        if verb == "marked":
            in_groups = {field.pk for group in self._joint_groups.values() for field in group.open_fields}
            alone = [field for field in self.fields if field.pk not in in_groups]
            targets += [(field, field.pk) for field in alone if read_input(self.post, field.pk).is_marked]
            targets += self._fields_of_groups(
                [key for key in self._joint_groups if read_input(self.post, key).is_marked]
            )
        elif verb in _VERBS_FOR_ALL:
            shown = set(self.post.getlist(ALL))
            targets += [(field, ALL) for field in self.fields if str(field.pk) in shown]
        elif verb in _CHOICES and key in self._joint_groups:
            targets += self._fields_of_groups([key])
        elif verb in _CHOICES:
            targets += [(field, field.pk) for field in self.fields if str(field.pk) == key]
        if not targets:
            words = EDIT_IS_GONE if key or verb in _VERBS_FOR_ALL else NO_DECISION
            self.problems[None] = Problem(NOTHING_MARKED if verb == "marked" else words)
        for field, key_of_controls in targets:
            try:
                self.choices.append(_CHOICES[verb](self, field, key_of_controls))
            except Invalid as invalid:
                self.problems[None if key_of_controls == ALL else key_of_controls] = invalid.problem
        return not self.problems

    def problems_of(self, refused: Sequence[ReviewError], *, reader: Person) -> dict[Key | None, Problem]:
        """Return the problem with each field that was refused; for a bad correction, it names the input."""
        corrected = {choice.field_id for choice in self.choices if choice.is_corrected}
        found: dict[Key | None, Problem] = {}
        for error in refused:
            field = error.field
            is_value = isinstance(error, BadValue) and field is not None and field.pk in corrected
            control = value_control(self.columns.get(field.column_name)) if field is not None and is_value else ""
            found[field.pk if field else None] = Problem(words_of(error, reader), control)
        return found

    def _fields_of_groups(self, keys: Collection[str]) -> list[tuple[SyncField, Key]]:
        return [(field, key) for key in keys for field in self._joint_groups[key].open_fields]

    def _make_choice(self, field: SyncField, outcome: Outcome, **details: Any) -> Choice:
        return Choice(field.pk, outcome, self.post.get(f"seen.{field.pk}", ""), **details)

    def _decide_marked(self, field: SyncField, key: Key) -> Choice:
        given = read_input(self.post, key)
        verbs = ["approve"] * given.ticked + [verb for verb in ("reject", "correct") if verb in given.marks]
        if len(verbs) > 1:
            raise Invalid("Choose only one: approve, reject or correct.")
        return _CHOICES[verbs[0]](self, field, key)

    def _approve(self, field: SyncField, key: Key) -> Choice:
        self._refuse_part_of_group(field, key)
        return self._make_choice(field, Outcome.APPROVED)

    def _reject(self, field: SyncField, key: Key) -> Choice:
        self._refuse_part_of_group(field, key)
        code, reason = read_reason(read_input(self.post, key))
        return self._make_choice(field, Outcome.REJECTED, reason_code=code, reason=reason)

    def _reject_again(self, field: SyncField, key: Key) -> Choice:
        """Reject with the reason for which the same value was rejected before."""
        self._refuse_part_of_group(field, key)
        refusal = earlier_rejections.find([field]).get(field.pk)
        if refusal is None:
            raise Invalid("This value has not been rejected before. Enter a reason.", "text")
        code = offered_code(refusal.decision.reason_code)
        return self._make_choice(field, Outcome.REJECTED, reason_code=code, reason=refusal.decision.reason)

    def _correct(self, field: SyncField, key: Key) -> Choice:
        self._refuse_part_of_group(field, key)
        column = self.columns.get(field.column_name)
        content = read_input(self.post, field.pk).value
        if value_control(column) == "find" and not content:
            raise Invalid("Search by name and choose a result.", "find")
        if column is None or content is None:
            raise Invalid("This field cannot be corrected here. Approve or reject it.")
        try:
            if corrections.is_as_proposed(column, content, field.proposed_value):
                return self._approve(field, key)
            value = corrections.canonical_text(column, content)
        except corrections.Unclear as problem:
            raise Invalid(str(problem), "value") from problem
        label = corrections.label(column, content)
        return self._make_choice(
            field, Outcome.APPROVED, is_corrected=True, corrected_value=value, corrected_label=label
        )

    def _choose_other_value(self, field: SyncField, key: Key) -> Choice:
        """Choose another value for a conflict; an empty input is refused, because it is probably an oversight."""
        is_lookup = value_control(self.columns.get(field.column_name)) == "find"
        if not is_lookup and not any(read_input(self.post, field.pk).value or ()):
            raise Invalid("Enter the value for the CRM.", "value")
        return self._correct(field, key)

    def _refuse_part_of_group(self, field: SyncField, key: Key) -> None:
        """Raise Invalid if a form opened before the fields became a group would decide one of them alone."""
        for group in self._joint_groups.values():
            if key == field.pk and field in group.open_fields:
                raise Invalid(f"{group.name} is decided together. Split it to decide this field alone.")


def words_of(error: ReviewError, reader: Person) -> str:
    """Return why a decision was not taken, in words for this reader."""
    if isinstance(error, AlreadyDecided) and error.field is not None:
        return context.already_decided_message(error.field, reader=reader)
    return str(error)


_CHOICES: Mapping[str, Callable[[DecisionForm, SyncField, Key], Choice]] = {
    "marked": DecisionForm._decide_marked,
    "approve": DecisionForm._approve,
    "reject": DecisionForm._reject,
    "reject-again": DecisionForm._reject_again,
    "correct": DecisionForm._correct,
    "keep": lambda form, field, _key: form._make_choice(field, Outcome.REJECTED, reason_code=KEPT_CRM_VALUE),
    "other": DecisionForm._choose_other_value,
    "approve-all": DecisionForm._approve,
    "reject-all": DecisionForm._reject,
}
_VERBS_FOR_ALL = ("approve-all", "reject-all")
