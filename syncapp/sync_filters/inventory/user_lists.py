"""Lists of users: saved from text or a file, replaced as a whole, deleted.

`pasted/` reads the text; `mirror/directory/list_matching.py` matches each entry with users.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from syncapp import audit
from syncapp.mirror.directory import list_matching
from syncapp.models import Person, UserList, UserListEntry
from syncapp.sync_filters.errors import NotPossible

MOST_ENTRIES = 50_000
MOST_BYTES = 5_000_000
MOST_LISTS = 50
_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def read_text(content: bytes) -> str:
    """An uploaded file's text: UTF-8, UTF-16 with its mark, else as Excel saves it in the west. Raises NotPossible."""
    if len(content) > MOST_BYTES:
        raise NotPossible(f"The file is larger than {MOST_BYTES // 1_000_000} MB.")
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    if b"\x00" in content:
        raise NotPossible("This is not a text file. Save the table as CSV and upload that.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def save(name: str, lines: list[str], *, by: Person | None, brings_appointments: bool = True) -> UserList:
    """Keep these lines under a name; a list of that name is replaced as a whole. Raises NotPossible.

    `by` None: the portal itself brings it, in the demo.
    """
    name = " ".join(name.split())[:60]
    if not name:
        raise NotPossible("Give the list a name, for example that of the product.")
    if not lines:
        raise NotPossible("The list is empty. Paste or upload addresses, logins or full names.")
    if UserList.objects.exclude(name=name).count() >= MOST_LISTS:
        raise NotPossible(f"There are {MOST_LISTS} lists. Delete one first.")
    said = {"entries_count": len(lines), "changed_at": Now(), "changed_by": by}
    said["brings_appointments"] = brings_appointments
    with transaction.atomic():
        kept, is_new = UserList.objects.update_or_create(name=name, defaults=said)
        _fill(kept, lines)
        details = {"lines": len(lines), "unmatched": unmatched_count(kept)}
        action = "list.saved" if is_new else "list.replaced"
        channel = "screen" if by else "system"
        audit.record(action, by=by, channel=channel, group=kept.pk, details=details, after=name)
    kept.refresh_from_db()
    return kept


def _fill(kept: UserList, lines: list[str]) -> None:
    kept.entries.all().delete()
    rows = [
        UserListEntry(
            list=kept, position=place, text=meant.text, user_id=meant.user_id, fits_several=meant.fits_several
        )
        for place, meant in enumerate(list_matching.match(lines), 1)
    ]
    UserListEntry.objects.bulk_create(rows, batch_size=500)
    list_matching.count_products()


def delete(kept: UserList, *, by: Person) -> None:
    """Forget a list; its users are counted without it from now on."""
    with transaction.atomic():
        details = {"lines": kept.entries_count}
        audit.record("list.deleted", by=by, channel="screen", group=kept.pk, details=details, before=kept.name)
        kept.delete()
        list_matching.count_products()


def matched(kept: UserList) -> list[UUID]:
    """The users whom a list means, each once, in the order of its lines."""
    entries = kept.entries.filter(user__isnull=False).order_by("position")
    return list(dict.fromkeys(user_id for user_id in entries.values_list("user_id", flat=True) if user_id))


def unmatched(kept: UserList, most: int = 500) -> list[UserListEntry]:
    """Lines that mean nobody whom the portal knows, or several (`fits_several`), at most `most`."""
    return list(kept.entries.filter(user__isnull=True).order_by("position")[:most])


def unmatched_count(kept: UserList) -> int:
    """How many lines mean nobody, or several."""
    return kept.entries.filter(user__isnull=True).count()
