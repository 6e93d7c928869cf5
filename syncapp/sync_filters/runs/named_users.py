"""Users that a pasted or uploaded text names, and a report of everything else in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from syncapp.mirror.directory.user_matching import Directory, UserMatch
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.inventory.user_lists import MAX_BYTES, MAX_ENTRIES
from syncapp.sync_filters.pasted import people
from syncapp.sync_filters.pasted.people import PersonEntry
from syncapp.text.localization import number

_MAX_QUOTED = 3


@dataclass(slots=True)
class NamedUsers:
    """The people that a text names, with the users that match each.

    `unread`: the parts that were left out. `notes`: how a table was read.
    """

    matches: list[UserMatch] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """Return the text of each person, as a list stores it."""
        return [each.text for each in self.matches]


def find(text: str) -> NamedUsers:
    """Find the users that a text names. Raises NotPossible if it is too large or names too many people."""
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise NotPossible(f"The text is larger than {MAX_BYTES // 1_000_000} MB.")
    pasted = people.read(text)
    if len(pasted.people) > MAX_ENTRIES:
        count, limit = number(len(pasted.people)), number(MAX_ENTRIES)
        raise NotPossible(f"This text names {count} people; at most {limit} can be read at once.")
    found = NamedUsers(unread=list(pasted.unread), notes=[pasted.columns] if pasted.columns else [])
    directory, ignored = Directory(), list[tuple[PersonEntry, list[str]]]()
    for entry in pasted.people:
        if entry.is_names and len(entry.row_texts) > 1 and all(map(directory.find, entry.row_texts)):
            # Each text is a user's name.
            found.matches += [UserMatch(text, directory.find(text)) for text in entry.row_texts]
            continue
        # The first known form represents the person, with all users that any of the forms matches.
        by_form = {form: directory.find(form) for form in entry.forms}
        known_form = next((form for form, ids in by_form.items() if ids), entry.text)
        match = UserMatch(known_form, tuple(sorted({user_id for ids in by_form.values() for user_id in ids})))
        found.matches.append(match)
        others = [text for text in _unused_cells(entry, match, directory) if text]
        users = [text for text in others if (ids := directory.find(text)) and not set(ids) & set(match.user_ids)]
        hint = f"is a user, but was not read next to “{entry.text}”. Put each person on a line of their own."
        found.unread += [f"Line {entry.line}: “{text}” {hint}" for text in users]
        rest = [text for text in others if text not in users]
        if rest:
            ignored.append((entry, rest))
    if ignored:
        (first, texts), lines = ignored[0], len(ignored)
        quoted = ", ".join(f"“{text}”" for text in texts[:_MAX_QUOTED])
        quoted += f" and {number(len(texts) - _MAX_QUOTED)} more" if len(texts) > _MAX_QUOTED else ""
        one_line = f"On line {first.line}, {quoted} next to “{first.text}” was not read."
        several_lines = f"On {number(lines)} lines, only one cell was read; on line {first.line}, {quoted} was not."
        found.notes.append(one_line if lines == 1 else several_lines)
    return found


def describe_unread(unread: Sequence[str]) -> str:
    """Return one or more sentences about the entries left out, quoting the first ones in full."""
    more = len(unread) - _MAX_QUOTED
    quoted = " ".join(unread[:_MAX_QUOTED])
    return f"Not everything was read. {quoted}" + (f" And {number(more)} more." if more > 0 else "")


def _unused_cells(entry: PersonEntry, match: UserMatch, directory: Directory) -> list[str]:
    """Return the cells of a line that were not used; a name may consist of two cells."""
    if entry.is_names and (
        len(entry.row_texts) < 2 or (match.text == ", ".join(entry.row_texts) and not match.user_ids)
    ):
        return [text for text in entry.row_texts[1:] if directory.find(text)]
    if entry.is_names and "," in entry.text:
        return list(entry.row_texts[1 if directory.find(entry.row_texts[0]) else 2 :])
    return [text for text in entry.row_texts if text != entry.text]
