"""The form of a record page: one submit becomes choices, or says what is missing and keeps what was typed.

Every control of a field carries the field's id: seen.ID (what the page showed), tick.ID (marked to approve), mark.ID
(reject or correct, opened), value.ID (the correction), fold.ID (which of two equal local times it is), find.ID (the
name of what a lookup should point to), code.ID and text.ID (the reason). `do` is the button. The head of a group has
the same controls with group-KEY for the id; `split` names the groups that are decided field by field, `next` asks for
the next contact once nothing is left here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.http import QueryDict

from syncapp.crm.staging.records import Column, ColumnType
from syncapp.models import SyncField
from syncapp.models.review.decision import Outcome
from syncapp.preferences import KEPT_CRM_VALUE, OTHER
from syncapp.review import earlier_rejections, groups, reasons
from syncapp.review.decisions import Choice
from syncapp.review.groups import Group
from syncapp.web.review import corrections

ALL = "all"
AGAIN = "again"  # the control of the reason for a later step
EDIT_IS_GONE = "This edit is no longer here."


@dataclass(frozen=True, slots=True)
class Typed:
    """What one field's controls held when the form was sent."""

    ticked: bool = False
    marks: frozenset[str] = frozenset()
    value: tuple[str, ...] | None = None
    code: str = ""
    text: str = ""
    find: str = ""

    @property
    def reason(self) -> str:
        """Return the text without the blanks around it; on the page it stays as it was typed."""
        return self.text.strip()


@dataclass(frozen=True, slots=True)
class Problem:
    """A reason for a refusal. `control` is the input at fault: its name without the field's id, '' for none."""

    words: str
    control: str = ""


@dataclass(slots=True)
class Submitted:
    """The choices of one submit, or the problems that keep all of them from being taken (None: of the form)."""

    choices: list[Choice] = field(default_factory=list)
    problems: dict[UUID | str | None, Problem] = field(default_factory=dict)


class _Missing(Exception):
    """Input that the reviewer has to add or remove first, in the control named `control`."""

    def __init__(self, message: str, control: str = "") -> None:
        super().__init__(message)
        self.problem = Problem(message, control)


@dataclass(frozen=True, slots=True)
class _Form:
    post: QueryDict
    columns: Mapping[str, Column]
    grouped: Sequence[Group] = ()

    @property
    def bound(self) -> dict[str, Group]:
        """The groups that are decided together in this form, by the key of their controls."""
        split = split_of(self.post)
        return {f"group-{group.key}": group for group in self.grouped if groups.is_decided_together(group, split)}

    def seen(self, row: SyncField) -> str:
        return self.post.get(f"seen.{row.pk}", "")


def typed(post: QueryDict, key: UUID | str) -> Typed:
    """What the controls of one field (or those of all fields) held."""
    # What could not be rejected again opens the reason that it needs.
    again = {"reject"} if post.get("do") == f"reject-again:{key}" else set()
    return Typed(
        ticked=f"tick.{key}" in post,
        marks=frozenset(post.getlist(f"mark.{key}")) | again,
        value=corrections.typed(post, key),
        code=post.get(f"code.{key}", ""),
        text=post.get(f"text.{key}", ""),
        find=post.get(f"find.{key}", "").strip(),
    )


def goes_on(sent: QueryDict) -> bool:
    """Whether the next contact is to follow where nothing is left to decide, as keys ask."""
    return "next" in sent


def split_of(sent: QueryDict) -> frozenset[str]:
    """The keys of the groups that are decided field by field."""
    return frozenset(sent.getlist("split"))


def read(
    post: QueryDict, fields: Sequence[SyncField], columns: Mapping[str, Column], grouped: Sequence[Group] = ()
) -> Submitted:
    """What the pressed button asks for. Where anything is missing nothing is to be taken."""
    found = Submitted()
    form = _Form(post, columns, grouped)
    verb, _, key = post.get("do", "").partition(":")
    wanted = _wanted(verb, key, form, fields)
    if not wanted:
        found.problems[None] = Problem(_nothing(verb, key))
    for row, build, controls in wanted:
        try:
            found.choices.append(build(form, row, controls))
        except _Missing as missing:
            found.problems[None if controls == ALL else controls] = missing.problem
    return found


# The key of the controls is the field's id, or its group's.
_Key = UUID | str
_Build = Callable[[_Form, SyncField, _Key], Choice]
_Wish = tuple[SyncField, _Build, _Key]


def _wanted(verb: str, key: str, form: _Form, fields: Sequence[SyncField]) -> list[_Wish]:
    if verb == "marked":
        alone = [(row, _marked, row.pk) for row in _alone(form, fields) if _is_marked(typed(form.post, row.pk))]
        return alone + _of_groups(form, [key for key in form.bound if _is_marked(typed(form.post, key))], _marked)
    if verb in _OF_ALL:
        counted = set(form.post.getlist(ALL))
        return [(row, _OF_ALL[verb], ALL) for row in fields if str(row.pk) in counted]
    build = _OF_ONE.get(verb)
    if build is None:
        return []
    if key.startswith("group-"):
        return _of_groups(form, [key] if key in form.bound else [], build)
    return [(row, build, row.pk) for row in fields if str(row.pk) == key]


def _alone(form: _Form, fields: Sequence[SyncField]) -> list[SyncField]:
    bound = {row.pk for group in form.bound.values() for row in group.open_fields}
    return [row for row in fields if row.pk not in bound]


def _of_groups(form: _Form, keys: Collection[str], build: _Build) -> list[_Wish]:
    return [(row, build, key) for key in keys for row in form.bound[key].open_fields]


def _nothing(verb: str, key: str) -> str:
    if verb == "marked":
        return "Nothing is marked. Tick what you approve, or open Reject… or the pencil of a field."
    if key or verb in _OF_ALL:
        return EDIT_IS_GONE
    return "The form came without a decision. Nothing was changed."


def _is_marked(controls: Typed) -> bool:
    return controls.ticked or bool(controls.marks & {"reject", "correct"})


def _marked(form: _Form, row: SyncField, key: _Key) -> Choice:
    controls = typed(form.post, key)
    wishes = [_approve] * controls.ticked
    wishes += [_reject] * ("reject" in controls.marks) + [_correct] * ("correct" in controls.marks)
    if len(wishes) > 1:
        raise _Missing("Marked in more than one way. Leave one: approve, reject or correct.")
    return wishes[0](form, row, key)


def _approve(form: _Form, row: SyncField, key: _Key) -> Choice:
    _refuse_a_part(form, row, key)
    return Choice(row.pk, Outcome.APPROVED, form.seen(row))


def _reject(form: _Form, row: SyncField, key: _Key) -> Choice:
    _refuse_a_part(form, row, key)
    controls = typed(form.post, key)
    code = controls.code if controls.code in reasons.options() else ""
    if not code and reasons.is_required():
        raise _Missing("Choose why it is rejected.", "code")
    if code == OTHER and not controls.reason:
        raise _Missing("“Other” needs a sentence.", "text")
    return Choice(row.pk, Outcome.REJECTED, form.seen(row), reason_code=code, reason=sentence(controls.reason))


def _reject_again(form: _Form, row: SyncField, key: _Key) -> Choice:
    """Reject with the reason that the same value was rejected with before."""
    _refuse_a_part(form, row, key)
    refusal = earlier_rejections.find([row]).get(row.pk)
    if refusal is None:
        raise _Missing("This value was not rejected before. Reject it with a reason of its own.", "text")
    code = refusal.decision.reason_code if refusal.decision.reason_code in reasons.options() else ""
    if not code and reasons.is_required():
        raise _Missing("Choose why it is rejected.", "code")
    return Choice(row.pk, Outcome.REJECTED, form.seen(row), reason_code=code, reason=refusal.decision.reason)


def _keep(form: _Form, row: SyncField, key: _Key) -> Choice:
    return Choice(row.pk, Outcome.REJECTED, form.seen(row), reason_code=KEPT_CRM_VALUE)


def _correct(form: _Form, row: SyncField, key: _Key) -> Choice:
    _refuse_a_part(form, row, key)
    column = form.columns.get(row.column_name)
    content = typed(form.post, row.pk).value
    if column is not None and column.type is ColumnType.LOOKUP and not content:
        raise _Missing("Find the right one by its name, and choose it.", "find")
    if column is None or content is None:
        raise _Missing("This field cannot be corrected here. Approve it or reject it.")
    try:
        if corrections.is_as_proposed(column, content, row.proposed_value):
            return _approve(form, row, key)
        value = corrections.canonical_text(column, content)
    except corrections.Unclear as problem:
        raise _Missing(str(problem), "value") from problem
    label = corrections.label(column, content)
    return Choice(
        row.pk, Outcome.APPROVED, form.seen(row), is_corrected=True, corrected_value=value, corrected_label=label
    )


def _other(form: _Form, row: SyncField, key: _Key) -> Choice:
    """A conflict's own value: an empty input is more likely forgotten than meant."""
    column = form.columns.get(row.column_name)
    is_lookup = column is not None and column.type is ColumnType.LOOKUP
    if not is_lookup and not any(typed(form.post, row.pk).value or ()):
        raise _Missing("Enter the value that the CRM should have.", "value")
    return _correct(form, row, key)


def _refuse_a_part(form: _Form, row: SyncField, key: _Key) -> None:
    """A form that was opened before the fields became a group would decide one of them alone."""
    if key != row.pk:
        return
    group = next((group for group in form.bound.values() if row in group.open_fields), None)
    if group is not None:
        raise _Missing(f"{group.name} is decided together. Split it to decide this field alone.")


def sentence(text: str) -> str:
    """A reason's text at its greatest length. Raises _Missing where it is longer."""
    if len(text) > reasons.MAX_LENGTH:
        raise _Missing(f"The reason has {len(text)} characters; at most {reasons.MAX_LENGTH} fit.", "text")
    return text


def later_reason(post: QueryDict, field_id: UUID) -> tuple[str, Problem | None]:
    """Return the reason for putting back or approving after all, and what is wrong with it."""
    text = typed(post, f"again-{field_id}").reason
    if not text:
        return "", Problem("Say why; the reason stays with the decision.", AGAIN)
    try:
        return sentence(text), None
    except _Missing as missing:
        return text, Problem(str(missing), AGAIN)


def value_control(column: Column | None) -> str:
    """Return the control that holds a corrected value of this column: a lookup's value is found by its name."""
    return "find" if column is not None and column.type is ColumnType.LOOKUP else "value"


_OF_ONE: Mapping[str, _Build] = {
    "approve": _approve,
    "reject": _reject,
    "reject-again": _reject_again,
    "correct": _correct,
    "keep": _keep,
    "other": _other,
}
_OF_ALL: Mapping[str, _Build] = {"approve-all": _approve, "reject-all": _reject}
