"""Logon names for an on-premises CRM's database, from typed text and from users as last read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from syncapp.mirror.directory.user_matching import Directory
from syncapp.models import FilterUser
from syncapp.sync_filters.pasted import people

_CHUNK = 500


@dataclass(slots=True)
class LogonNames:
    """Logon names in order, and the entries that could not be read, with the reason."""

    names: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def read(text: str) -> LogonNames:
    r"""Return the logon names in a text; an address or name of exactly one user is replaced by that user's logon name.

    `DOMAIN\account` and unknown texts stay as typed: the script itself refuses names that it does not find.
    """
    pasted = people.read(text, login_first=True)
    found = LogonNames(unread=list(pasted.unread))
    forms_to_match = {form for each in pasted.people for form in (each.text, *each.row_texts) if "\\" not in form}
    login_by_form: dict[str, str] = {}
    if forms_to_match:
        directory = Directory()
        ids = {form: users[0] for form in forms_to_match if len(users := directory.find(form)) == 1}
        logins = dict(FilterUser.objects.filter(pk__in=ids.values()).values_list("pk", "login"))
        login_by_form = {form: login for form, user_id in ids.items() if (login := logins[user_id])}
    for each in pasted.people:
        if each.is_names and each.text not in login_by_form:
            found.names += [login_by_form.get(text, text) for text in each.row_texts]
            continue
        found.names.append(login_by_form.get(each.text, each.text))
        if not each.is_names:
            found.unread += [
                f"Line {each.line}: “{text}” next to “{each.text}” was not read." for text in each.row_texts
            ]
    return found


def logon_names_of(ids: Sequence[UUID]) -> tuple[list[str], int]:
    """Return these users' logon names in order, and the number of users without one."""
    logins: dict[UUID, str] = {}
    for start in range(0, len(ids), _CHUNK):
        users = FilterUser.objects.filter(pk__in=ids[start : start + _CHUNK])
        logins |= dict(users.values_list("pk", "login"))
    names = [login for user_id in ids if (login := logins.get(user_id, ""))]
    return names, len(ids) - len(names)
