"""Value diffs for pages and mails: values in words, differences marked."""

from __future__ import annotations

from dataclasses import dataclass, replace

from syncapp.crm.staging.records import UNKNOWN_ORIGINAL, Column, ColumnType
from syncapp.models import SyncField
from syncapp.review.diff import formats, text
from syncapp.review.diff.presentation import LIST_SEPARATOR, Marking, presentation
from syncapp.review.diff.shortening import shorten
from syncapp.review.diff.text import Part, PartKind
from syncapp.text import characters

UNREADABLE = "(cannot be read)"


@dataclass(frozen=True, slots=True)
class DiffSide:
    """One value in marked parts, or in marked `items` if it is a list of choices."""

    parts: tuple[Part, ...] = ()
    items: tuple[tuple[str, bool], ...] = ()
    is_changed: bool = False

    @property
    def is_empty(self) -> bool:
        """Return whether there is nothing to show."""
        return not self.parts and not self.items

    @property
    def text(self) -> str:
        """Return the value without marks."""
        return LIST_SEPARATOR.join(item for item, _ in self.items) or "".join(part.text for part in self.parts)

    @property
    def length(self) -> int:
        """Return the number of characters."""
        return sum(len(part.text) for part in self.parts)

    @property
    def short(self) -> DiffSide:
        """Return the value; a long text is shortened to its changes and some context."""
        return replace(self, parts=shorten(self.parts))

    @property
    def is_long(self) -> bool:
        """Return whether the short form omits something."""
        return any(part.kind is PartKind.GAP for part in shorten(self.parts))


@dataclass(frozen=True, slots=True)
class Tag:
    """A note about a change; `warns` is set if it points out something that people overlook."""

    words: str
    warns: bool = False


@dataclass(frozen=True, slots=True)
class ValueDiff:
    """The old and the new value, and notes about the change."""

    before: DiffSide
    after: DiffSide
    tags: tuple[Tag, ...] = ()


def format_value(column: Column | None, value: str | None, label: str = "") -> str:
    """Return the words for a canonical value, '' for empty. Times are in the active time zone."""
    if not value:
        return ""
    if column is None:
        return label or value
    try:
        return presentation(column).words(column, value, label)
    except (ValueError, OverflowError):
        return value  # not of this type: shown unchanged, so that it can be rejected


def diff_field(field: SyncField, column: Column | None) -> ValueDiff:
    """Compare the original and the proposed value of a field.

    Neither an unreadable proposal nor an unknown original is shown as empty.
    """
    if field.unreadable and field.proposed_value is None:
        before = format_unmarked(column, field.original_value, field.original_label)
        return ValueDiff(before, DiffSide(text.split_unmarked(UNREADABLE)))
    if field.has_unknown_original:
        return diff_unknown_original(column, field.proposed_value, field.proposed_label)
    return diff_values(
        column,
        (field.original_value, field.original_label),
        (field.proposed_value, field.proposed_label),
    )


def diff_unknown_original(column: Column | None, value: str | None, label: str) -> ValueDiff:
    """Return the change to a value from one that is not known."""
    return ValueDiff(DiffSide(text.split_unmarked(UNKNOWN_ORIGINAL)), format_unmarked(column, value, label))


def diff_live_value(field: SyncField, column: Column | None) -> DiffSide:
    """Return the CRM's value as it was last read, marked against the original."""
    return diff_values(
        column, (field.original_value, field.original_label), (field.crm_now_value, field.crm_now_label)
    ).after


def diff_values(column: Column | None, before: tuple[str | None, str], after: tuple[str | None, str]) -> ValueDiff:
    """Return the change from one value with its label to another."""
    old, new = format_value(column, *before), format_value(column, *after)
    marking = presentation(column).marking
    if marking is Marking.LIST:
        olds, news = _split(old), _split(new)
        return ValueDiff(
            before=DiffSide(items=tuple((item, item not in news) for item in olds), is_changed=bool(olds)),
            after=DiffSide(items=tuple((item, item not in olds) for item in news), is_changed=olds != news),
        )
    same_words = old == new and (before[0] or "") != (after[0] or "")
    found = (
        text.mark_whole(old, new)
        if same_words or (marking is Marking.WHOLE and old != new)
        else text.compare(old, new, by_words=marking is Marking.WORDS)
    )
    tags = [Tag("same words, different value", warns=True)] if same_words else []
    if characters.has_hidden_characters(new):
        tags.append(Tag("hidden characters", warns=True))
    elif column is not None and (note := formats.describe_change(column.name, old, new)):
        tags.append(Tag(note))
    elif found.only_punctuation:
        tags.append(Tag("only blanks differ" if found.only_blanks else "only punctuation differs"))
    if mixed := characters.mixed_scripts(new):
        tags.append(Tag(f"mixes {' and '.join(mixed)} letters", warns=True))
    day_name = column.name if column is not None and column.type is ColumnType.DATE else ""
    if formats.is_off_by_one_day(day_name, before[0], after[0]):
        tags.append(Tag("moved by one day: possibly a time zone error", warns=True))
    return ValueDiff(
        before=DiffSide(found.before, is_changed=bool(old)),
        after=DiffSide(found.after, is_changed=old != new or same_words),
        tags=tuple(tags),
    )


def format_unmarked(column: Column | None, value: str | None, label: str = "") -> DiffSide:
    """Return one value without marks."""
    return DiffSide(text.split_unmarked(format_value(column, value, label)))


def _split(text: str) -> list[str]:
    return [item for item in text.split(LIST_SEPARATOR) if item]
