"""CRM users → CrmUser: who the editors are, so that their names show and nobody decides his own edit."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice
from uuid import UUID

from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from syncapp.crm.client import CrmClient
from syncapp.crm.records import User
from syncapp.models import CrmUser, SyncRecord

BATCH = 100


def unknown_editors(*, limit: int = BATCH) -> list[UUID]:
    """Editors of mirrored edits whom we have not read yet."""
    known = CrmUser.objects.filter(pk=OuterRef("editor_id"))
    edits = SyncRecord.objects.filter(~Exists(known), editor_id__isnull=False).order_by()
    return [editor for editor in edits.values_list("editor_id", flat=True).distinct()[:limit] if editor]


def read_editors(crm: CrmClient, ids: Collection[UUID]) -> int:
    """Read these users and keep them; one that the CRM does not have is kept nameless. Raises CrmError."""
    wanted = list(islice(ids, BATCH))
    if not wanted:
        return 0
    found = {user.id: user for user in crm.users(wanted)}
    rows = [_row(found.get(each) or User(each, "", "", None, True)) for each in wanted]
    kept = ["name", "address", "entra_id", "is_disabled", "read_at"]
    CrmUser.objects.bulk_create(rows, update_conflicts=True, unique_fields=["id"], update_fields=kept)
    return len(rows)


def _row(user: User) -> CrmUser:
    return CrmUser(
        id=user.id,
        name=user.name,
        address=user.address,
        entra_id=user.entra_id,
        is_disabled=user.disabled,
        read_at=Now(),
    )
