"""Both sides of a change as pages and mails show them: values in words, differences marked."""

from __future__ import annotations

from dataclasses import dataclass, replace

from syncapp.crm.staging.records import Column, ColumnType
from syncapp.models import SyncField
from syncapp.review.diff import formats
from syncapp.review.diff import text as differences
from syncapp.review.diff.presentation import LIST_SEPARATOR, Marking, presentation
from syncapp.review.diff.shortening import shorten
from syncapp.review.diff.text import Part, TextDiff
from syncapp.text import characters

UNREADABLE = "(cannot be read)"


@dataclass(frozen=True, slots=True)
class DiffSide:
    """One value, ready to be marked. `items` instead of `parts` where it is a list of choices."""

    parts: tuple[Part, ...] = ()
    items: tuple[tuple[str, bool], ...] = ()
    is_changed: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not self.parts and not self.items

    @property
    def text(self) -> str:
        """The value without marks."""
        return LIST_SEPARATOR.join(item for item, _ in self.items) or "".join(part.text for part in self.parts)

    @property
    def length(self) -> int:
        """Characters in all."""
        return sum(len(part.text) for part in self.parts)

    @property
    def short(self) -> DiffSide:
        """Only what surrounds the changes, where the text is long."""
        return replace(self, parts=shorten(self.parts))

    @property
    def is_long(self) -> bool:
        """Whether the short form leaves something out."""
        return any(part.kind is differences.PartKind.GAP for part in shorten(self.parts))


@dataclass(frozen=True, slots=True)
class Tag:
    """A remark about a change; one that `warns` is about what eyes miss."""

    words: str
    warns: bool = False


@dataclass(frozen=True, slots=True)
class ValueDiff:
    """Both sides, and what a person should know about them besides."""

    was: DiffSide
    will: DiffSide
    tags: tuple[Tag, ...] = ()


def format_value(column: Column | None, value: str | None, label: str = "") -> str:
    """Return the words for a canonical value, '' for empty. Times are in the active time zone."""
    if not value:
        return ""
    if column is None:
        return label or value
    try:
        return presentation(column).words(column, value, label)
    except ValueError:
        return value  # nothing of this type: shown as it stands, so that it can be rejected


def diff_field(field: SyncField, column: Column | None) -> ValueDiff:
    """Original and proposed value of a field; a proposal that could not be read is not taken for an empty one."""
    if field.unreadable and field.proposed_value is None:
        was = unmarked(column, field.original_value, field.original_label)
        return ValueDiff(was, DiffSide(differences.unmarked(UNREADABLE)))
    return diff_values(
        column,
        (field.original_value, field.original_label),
        (field.proposed_value, field.proposed_label),
    )


def diff_live_value(field: SyncField, column: Column | None) -> DiffSide:
    """Return the CRM's value as it was last read, marked against the original."""
    return diff_values(
        column, (field.original_value, field.original_label), (field.crm_now_value, field.crm_now_label)
    ).will


def diff_values(column: Column | None, was: tuple[str | None, str], will: tuple[str | None, str]) -> ValueDiff:
    """Return the change from one value with its label to another."""
    old, new = format_value(column, *was), format_value(column, *will)
    marking = presentation(column).marking
    if marking is Marking.LIST:
        return _lists(old, new)
    same_words = old == new and (was[0] or "") != (will[0] or "")
    found = (
        differences.replaced(old, new)
        if same_words or (marking is Marking.WHOLE and old != new)
        else differences.compare(old, new, by_words=marking is Marking.WORDS)
    )
    return ValueDiff(
        was=DiffSide(found.was, is_changed=bool(old)),
        will=DiffSide(found.will, is_changed=old != new or same_words),
        tags=_tags(column, old, new, found, same_words=same_words) + _tags_of_dates(column, was[0], will[0]),
    )


def unmarked(column: Column | None, value: str | None, label: str = "") -> DiffSide:
    """Return one value without marks."""
    return DiffSide(differences.unmarked(format_value(column, value, label)))


def _lists(old: str, new: str) -> ValueDiff:
    before, after = _split(old), _split(new)
    return ValueDiff(
        was=DiffSide(items=tuple((item, item not in after) for item in before), is_changed=bool(before)),
        will=DiffSide(items=tuple((item, item not in before) for item in after), is_changed=before != after),
    )


def _split(text: str) -> list[str]:
    return [item for item in text.split(LIST_SEPARATOR) if item]


def _tags(column: Column | None, was: str, will: str, found: TextDiff, *, same_words: bool) -> tuple[Tag, ...]:
    tags = [Tag("the same words, another value", warns=True)] if same_words else []
    if characters.hides_something(will):
        tags.append(Tag("hidden characters", warns=True))
    elif remark := _format_remark(column, was, will, found):
        tags.append(Tag(remark))
    mixed = characters.mixed_scripts(will)
    if mixed:
        tags.append(Tag(f"mixes {' and '.join(mixed)} letters", warns=True))
    return tuple(tags)


def _tags_of_dates(column: Column | None, was: str | None, will: str | None) -> tuple[Tag, ...]:
    if column is None or column.type is not ColumnType.DATE or not formats.is_off_by_one_day(column.name, was, will):
        return ()
    return (Tag("moved by one day, as time zone faults do", warns=True),)


def _format_remark(column: Column | None, was: str, will: str, found: TextDiff) -> str:
    """What is known about values of this kind, else which signs alone differ."""
    known = formats.describe_change(column.name, was, will) if column is not None else ""
    if known or not found.only_signs:
        return known
    return "only blanks differ" if found.only_blanks else "only punctuation differs"
