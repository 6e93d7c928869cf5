"""The users whom a pasted or uploaded text names, and what is told of everything else in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from syncapp.filters.errors import NotPossible
from syncapp.filters.lists import MOST_BYTES, MOST_ENTRIES
from syncapp.filters.pasted import people
from syncapp.filters.pasted.people import Written
from syncapp.mirror.user_lists import Directory, Meant

_MOST_QUOTED = 3


@dataclass(slots=True)
class Named:
    """Whom each person of a text means. `unread` is told and left out; `notes` say how a table was read."""

    meant: list[Meant] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """The text of each person, as a list keeps it."""
        return [each.text for each in self.meant]


def find(text: str) -> Named:
    """Find the users whom a text names. Raises NotPossible where it is too large or names too many."""
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise NotPossible(f"The text is larger than {MOST_BYTES // 1_000_000} MB.")
    pasted = people.read(text)
    if len(pasted.people) > MOST_ENTRIES:
        count = f"{len(pasted.people):,}"
        raise NotPossible(f"This text names {count} people; at most {MOST_ENTRIES:,} can be read at once.")
    found = Named(unread=list(pasted.unread), notes=[pasted.columns] if pasted.columns else [])
    directory, ignored = Directory(), list[Written]()
    for each in pasted.people:
        several = _each_by_name(each, directory)
        if several:
            found.meant += several
            continue
        meant = _meant(each, directory)
        found.meant.append(meant)
        others = _other_users(each, meant, directory)
        found.unread += [_also(each, meant, other) for other in others]
        if meant.user_id and len(each.beside) > len(others):
            ignored.append(each)
    if ignored:
        found.notes.append(_said_of(ignored))
    return found


def said_of_unread(unread: Sequence[str]) -> str:
    """Return one sentence or more on what was left out, the first of it in full."""
    more = len(unread) - _MOST_QUOTED
    shown = " ".join(unread[:_MOST_QUOTED])
    return f"Not everything was read. {shown}" + (f" And {more:,} more." if more > 0 else "")


def _meant(each: Written, directory: Directory) -> Meant:
    """The text of the first form that is known, with everybody whom any of the forms means."""
    by_form = {form: directory.find(form) for form in each.forms}
    known = next((form for form, ids in by_form.items() if ids), each.text)
    return Meant(known, tuple(sorted({user_id for ids in by_form.values() for user_id in ids})))


def _each_by_name(each: Written, directory: Directory) -> list[Meant]:
    """A line of names only is several people where every name is a user's."""
    if not each.is_names or len(each.beside) < 2:
        return []
    found = [Meant(text, directory.find(text)) for text in each.beside]
    return found if all(meant.user_ids for meant in found) else []


def _other_users(each: Written, meant: Meant, directory: Directory) -> list[str]:
    """Cells beside the one that was read which name somebody else."""
    if not meant.user_ids:
        return []
    return [text for text in each.beside if _is_somebody_else(directory.find(text), meant.user_ids)]


def _is_somebody_else(ids: Sequence[UUID], known: Sequence[UUID]) -> bool:
    return bool(ids) and not set(ids) & set(known)


def _also(each: Written, meant: Meant, other: str) -> str:
    return f"Line {each.line}: “{other}” is a user too, but only “{meant.text}” was read. Put each person on a line."


def _said_of(ignored: Sequence[Written]) -> str:
    first = ignored[0]
    others = [text for text in first.beside if text != first.text][:_MOST_QUOTED]
    quoted = ", ".join(f"“{text}”" for text in others)
    lines = f"{len(ignored):,} lines" if len(ignored) > 1 else f"line {first.line}"
    example = f", for example on line {first.line}" if len(ignored) > 1 else ""
    return f"Of {lines} only the address or name was read{example}; not read: {quoted}."
