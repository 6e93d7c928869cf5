"""Arguments that several commands read: the name of a row, and a file."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from django.core.management.base import CommandError

from syncapp.models import FilterTeam, FilterUnit, UserList
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.inventory import user_lists

_WORDS: dict[type[FilterTeam] | type[FilterUnit] | type[UserList], str] = {
    FilterTeam: "team",
    FilterUnit: "business unit",
    UserList: "list",
}


def key_of(model: type[FilterTeam] | type[FilterUnit] | type[UserList], name: str) -> UUID:
    """Return the key of the only row with this name. Raises CommandError."""
    found = list(model.objects.filter(name__iexact=name.strip()).values_list("pk", flat=True)[:2])
    if len(found) != 1:
        raise CommandError(f"{'More than one' if found else 'No'} {_WORDS[model]} is called {name}.")
    return UUID(str(found[0]))


def read_text(path: Path) -> str:
    """Read a text file in any encoding that the portal recognizes. Raises CommandError."""
    try:
        return user_lists.read_text(path.read_bytes())
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error}") from error
    except NotPossible as error:
        raise CommandError(f"{path}: {error}") from error
