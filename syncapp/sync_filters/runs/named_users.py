"""Users that a pasted or uploaded text names, and the report of everything else in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from syncapp.mirror.directory.list_matching import Directory, Meant
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.inventory.user_lists import MOST_BYTES, MOST_ENTRIES
from syncapp.sync_filters.pasted import people
from syncapp.sync_filters.pasted.people import Written
from syncapp.text.localization import number

_MOST_QUOTED = 3


@dataclass(slots=True)
class Named:
    """The users that a text names. `unread` is reported and left out; `notes` say how a table was read."""

    meant: list[Meant] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """Return the text of each person, as a list stores it."""
        return [each.text for each in self.meant]


def find(text: str) -> Named:
    """Find the users that a text names. Raises NotPossible where it is too large or names too many."""
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise NotPossible(f"The text is larger than {MOST_BYTES // 1_000_000} MB.")
    pasted = people.read(text)
    if len(pasted.people) > MOST_ENTRIES:
        count, most = number(len(pasted.people)), number(MOST_ENTRIES)
        raise NotPossible(f"This text names {count} people; at most {most} can be read at once.")
    found = Named(unread=list(pasted.unread), notes=[pasted.columns] if pasted.columns else [])
    directory, ignored = Directory(), list[tuple[Written, list[str]]]()
    for each in pasted.people:
        several = _each_by_name(each, directory)
        if several:
            found.meant += several
            continue
        meant = _meant(each, directory)
        found.meant.append(meant)
        others = [text for text in _unused(each, meant, directory) if text]
        users = [text for text in others if _is_somebody_else(directory.find(text), meant.user_ids)]
        found.unread += [_also(each, text) for text in users]
        rest = [text for text in others if text not in users]
        if rest:
            ignored.append((each, rest))
    if ignored:
        found.notes.append(_ignored_words(ignored))
    return found


def unread_words(unread: Sequence[str]) -> str:
    """Return one sentence or more on what was left out, the first of it in full."""
    more = len(unread) - _MOST_QUOTED
    shown = " ".join(unread[:_MOST_QUOTED])
    return f"Not everything was read. {shown}" + (f" And {number(more)} more." if more > 0 else "")


def _meant(each: Written, directory: Directory) -> Meant:
    """Return the text of the first known form, with all users that any of the forms matches."""
    by_form = {form: directory.find(form) for form in each.forms}
    known = next((form for form, ids in by_form.items() if ids), each.text)
    return Meant(known, tuple(sorted({user_id for ids in by_form.values() for user_id in ids})))


def _each_by_name(each: Written, directory: Directory) -> list[Meant]:
    """Split a line of names into several people where each name is a user's."""
    if not each.is_names or len(each.beside) < 2:
        return []
    found = [Meant(text, directory.find(text)) for text in each.beside]
    return found if all(meant.user_ids for meant in found) else []


def _unused(each: Written, meant: Meant, directory: Directory) -> list[str]:
    """Return the cells of a line that were not used; a name may consist of two of them."""
    if each.is_names and (len(each.beside) < 2 or (meant.text == ", ".join(each.beside) and not meant.user_ids)):
        return [text for text in each.beside[1:] if directory.find(text)]
    if each.is_names and "," in each.text:
        return list(each.beside[1 if directory.find(each.beside[0]) else 2 :])
    return [text for text in each.beside if text != each.text]


def _is_somebody_else(ids: Sequence[UUID], known: Sequence[UUID]) -> bool:
    return bool(ids) and not set(ids) & set(known)


def _also(each: Written, other: str) -> str:
    return f"Line {each.line}: “{other}” is a user, but was not read beside “{each.text}”. Put each person on a line."


def _ignored_words(ignored: Sequence[tuple[Written, list[str]]]) -> str:
    first, texts = ignored[0]
    quoted = ", ".join(f"“{text}”" for text in texts[:_MOST_QUOTED])
    quoted += f" and {number(len(texts) - _MOST_QUOTED)} more" if len(texts) > _MOST_QUOTED else ""
    if len(ignored) == 1:
        return f"On line {first.line}, {quoted} beside “{first.text}” was not read."
    return f"On {number(len(ignored))} lines, only one cell was read; on line {first.line}, {quoted} was not."
