"""CRM users who edited contacts: their names for display, and their identities, which the four-eyes check compares."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from syncapp.crm.client import CrmClient
from syncapp.crm.deadline import Deadline
from syncapp.crm.errors import CrmError
from syncapp.crm.staging.records import User
from syncapp.mirror import fitting, unreadable
from syncapp.mirror.unreadable import Kind
from syncapp.models import CrmUser, Decision, SyncRecord, UnreadableRow
from syncapp.models.folding import search_key

BATCH = 100
FRESH_FOR = timedelta(days=1)
ARRIVING_SECONDS = 5.0  # after that, edits appear without their editors
RETRY_AFTER = timedelta(minutes=1)  # for unreadable users


def due_editors() -> list[UUID]:
    """Return the users to read now: unknown editors, except those just found unreadable; if none, outdated ones."""
    return _except_unreadable(unknown_editors()) or outdated_editors()


def _except_unreadable(ids: list[UUID]) -> list[UUID]:
    """Return these users, except those found unreadable within RETRY_AFTER."""
    if not ids:
        return ids
    since = timezone.now() - RETRY_AFTER
    failed = UnreadableRow.objects.filter(kind=Kind.EDITOR, seen_at__gt=since).values_list("row_id", flat=True)
    return [each for each in ids if str(each) not in set(failed)]


def read_arriving_editors(crm: CrmClient) -> None:
    """Read unknown editors of hidden edits, so that people can decide these edits as soon as they see them.

    An error does not keep the edits hidden: the pull reads unknown editors again at its end, and reports it then.
    """
    unknown = _unknown_editors_of(SyncRecord.objects.arriving())
    with suppress(CrmError):
        read_editors(crm, _except_unreadable(list(unknown[:BATCH])), deadline=Deadline.after(ARRIVING_SECONDS))


def unknown_editors(*, limit: int = BATCH) -> list[UUID]:
    """Return unknown editors whose edits are waiting, are being written or were recognized after a restore.

    Partial indexes find these edits without scanning all. An edit that was superseded on arrival is never waiting, but
    its mark is being written, so its editor is found too.
    """
    waiting = _unknown_editors_of(SyncRecord.objects.filter(waiting_count__gt=0, is_stub=False))
    being_written = _unknown_editors_of(SyncRecord.objects.filter(writing_count__gt=0, is_stub=False))
    recent = Decision.objects.filter(recognized_at__gt=timezone.now() - FRESH_FOR)
    recognized = _unknown_editors_of(SyncRecord.objects.filter(fields__decisions__in=recent, is_stub=False))
    return sorted({*waiting[:limit], *being_written[:limit], *recognized[:limit]})[:limit]


def _unknown_editors_of(edits: QuerySet[SyncRecord]) -> QuerySet[SyncRecord, Any]:
    known = CrmUser.objects.filter(pk=OuterRef("editor_id"))
    unknown = edits.filter(~Exists(known), editor_id__isnull=False).order_by()
    return unknown.values_list("editor_id", flat=True).distinct()


def outdated_editors(*, limit: int = BATCH) -> list[UUID]:
    """Return editors last read a day ago or earlier, oldest first, because people change their names and leave."""
    outdated = CrmUser.objects.filter(read_at__lte=timezone.now() - FRESH_FOR).order_by("read_at", "pk")
    return list(outdated.values_list("pk", flat=True)[:limit])


def read_editors(crm: CrmClient, ids: Collection[UUID], *, deadline: Deadline | None = None) -> int:
    """Read up to BATCH of these users from the CRM and store them; return how many. Raises CrmError.

    A user who is not in the CRM keeps the known name, or is stored without one, so that their edits keep their editor.
    """
    wanted = list(islice(ids, BATCH))
    if not wanted:
        return 0
    users = [
        replace(user, problem=user.problem or fitting.misfit(CrmUser, {"name": user.name, "address": user.address}))
        for user in crm.users(wanted, deadline=deadline)
    ]
    gone = set(wanted) - {user.id for user in users}
    # An editor of uncertain identity must not count as known, because people may not decide their own edits.
    found, bad = unreadable.split(Kind.EDITOR, users)
    unreadable.remove(Kind.EDITOR, gone)
    CrmUser.objects.filter(pk__in=[user.id for user in bad]).update(read_at=Now())
    _upsert(found, "name", "name_key", "address", "entra_id", "is_disabled", "read_at")
    _upsert([User(each, "", "", None, True) for each in sorted(gone)], "is_disabled", "read_at")
    return len(wanted)


def _upsert(users: Sequence[User], *columns: str) -> None:
    rows = [
        CrmUser(
            id=user.id,
            name=user.name,
            name_key=search_key(user.name),
            address=user.address,
            entra_id=user.entra_id,
            is_disabled=user.disabled,
            read_at=Now(),
        )
        for user in sorted(users, key=lambda user: user.id)
    ]
    CrmUser.objects.bulk_create(rows, update_conflicts=True, unique_fields=["id"], update_fields=columns)
