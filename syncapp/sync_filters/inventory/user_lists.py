"""Lists of users: saving them from text or a file, replacing them as a whole, and deleting them.

`pasted/` reads the text; `mirror/directory/user_matching.py` matches each entry with users.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from syncapp import audit
from syncapp.mirror.directory import user_matching
from syncapp.models import Person, UserList, UserListEntry
from syncapp.sync_filters.errors import NotPossible

MAX_ENTRIES = 50_000
MAX_BYTES = 5_000_000
MAX_LISTS = 50
_BYTE_ORDER_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def read_text(content: bytes) -> str:
    """Decode an uploaded file: UTF-16 with a byte order mark, UTF-8, or else Windows-1252. Raises NotPossible."""
    if len(content) > MAX_BYTES:
        raise NotPossible(f"The file is larger than {MAX_BYTES // 1_000_000} MB.")
    for mark, encoding in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    if b"\x00" in content:
        raise NotPossible("This is not a text file. Save the table as CSV and upload that.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def save(name: str, lines: list[str], *, by: Person | None, brings_appointments: bool = True) -> UserList:
    """Save these entries as a list, replacing any list of the same name. Raises NotPossible.

    `by` is None if the demo itself adds its example list.
    """
    name = " ".join(name.split())[:60]
    if not name:
        raise NotPossible("Give the list a name, for example the name of the product.")
    if not lines:
        raise NotPossible("The list is empty. Paste or upload addresses, logins or full names.")
    if UserList.objects.exclude(name=name).count() >= MAX_LISTS:
        raise NotPossible(f"There are already {MAX_LISTS} lists. Delete one first.")
    columns = {"entries_count": len(lines), "changed_at": Now(), "changed_by": by}
    columns["brings_appointments"] = brings_appointments
    with transaction.atomic():
        user_list, is_new = UserList.objects.update_or_create(name=name, defaults=columns)
        user_list.entries.all().delete()
        rows = [
            UserListEntry(
                list=user_list,
                position=position,
                text=match.text,
                user_id=match.user_id,
                fits_several=match.fits_several,
            )
            for position, match in enumerate(user_matching.match(lines), 1)
        ]
        UserListEntry.objects.bulk_create(rows, batch_size=500)
        user_matching.count_products()
        details = {"lines": len(lines), "unmatched": count_unmatched(user_list)}
        action = "list.saved" if is_new else "list.replaced"
        channel = "screen" if by else "system"
        audit.record(action, by=by, channel=channel, group=user_list.pk, details=details, after=name)
    user_list.refresh_from_db()
    return user_list


def delete(user_list: UserList, *, by: Person) -> None:
    """Delete a list, and recount the products of its users."""
    with transaction.atomic():
        details = {"lines": user_list.entries_count}
        audit.record(
            "list.deleted", by=by, channel="screen", group=user_list.pk, details=details, before=user_list.name
        )
        user_list.delete()
        user_matching.count_products()


def matched_user_ids(user_list: UserList) -> list[UUID]:
    """Return the ids of the users that a list matches, without duplicates, in the order of its entries."""
    entries = user_list.entries.filter(user__isnull=False).order_by("position")
    return list(dict.fromkeys(user_id for user_id in entries.values_list("user_id", flat=True) if user_id))


def unmatched_entries(user_list: UserList, limit: int = 500) -> list[UserListEntry]:
    """Return entries that match no known user, or several (`fits_several`), at most `limit`."""
    return list(user_list.entries.filter(user__isnull=True).order_by("position")[:limit])


def count_unmatched(user_list: UserList) -> int:
    """Count the entries that match no known user, or several."""
    return user_list.entries.filter(user__isnull=True).count()
