"""A mailbox as a write of ours read it back → its user's row, and with it the ways that are open to him."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from syncapp.crm.directory.records import Mailbox
from syncapp.mirror.directory import reading
from syncapp.mirror.filters import store
from syncapp.models import FilterUser


def store_read_back(user_id: UUID, mailbox: Mailbox) -> None:
    """Keep how this user's mailbox synchronizes now; nothing where the mailbox is not his."""
    with transaction.atomic():
        user = FilterUser.objects.select_for_update().filter(pk=user_id, mailbox_id=mailbox.id).first()
        if user is None:
            return
        reading.fill_mailbox(user, mailbox)
        user.mailbox_read_at = timezone.now()
        user.save(update_fields=[*reading.MAILBOX_COLUMNS, "mailbox_read_at"])
        store.summarize([user_id])
