"""Users as an inventory leaves them, without a CRM, for tests of what is computed from them."""

from __future__ import annotations

import uuid

from django.utils import timezone

from syncapp.crm.directory.records import SyncMethod
from syncapp.mirror.filters import sync_paths
from syncapp.models import FilterUser
from syncapp.models.folding import search_key
from syncapp.models.sync_filters.tables import Cell
from syncapp.models.sync_filters.user import search_words_of


def make_user(name: str, method: SyncMethod = SyncMethod.SERVER_SIDE, **columns: object) -> FilterUser:
    """Create a user whose appointments reach Outlook once, by this method; `columns` override the rest."""
    address = f"{name.lower().replace(' ', '.')}@contoso.example"
    now = timezone.now()
    usual = {
        "name": name,
        "name_key": search_key(name),
        "address": address,
        "address_key": address,
        "login": f"{name.split()[0].lower()}@login.example",
        "has_own_roles": True,
        "mailbox_id": uuid.uuid4(),
        "method": method,
        "enabled_for_act": True,
        "approval": 1,
        "appointments": Cell.ON,
        "read_at": now,
        "filters_read_at": now,
        "mailbox_read_at": now,
    }
    known = usual | columns
    words = search_words_of(**{column: str(known[column]) for column in ("name", "address", "login")})
    user = FilterUser.objects.create(id=uuid.uuid4(), search_words=words, **known)
    sync_paths.recompute(FilterUser.objects.filter(pk=user.pk))
    user.refresh_from_db()
    return user
