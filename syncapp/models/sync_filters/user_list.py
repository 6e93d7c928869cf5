"""Lists of users that people upload, mostly the users of another synchronization product."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from syncapp.models.sync_filters.user import FilterUser


class UserListQuerySet(models.QuerySet["UserList"]):
    """Named reads of lists."""

    def of_products(self) -> UserListQuerySet:
        """Return the lists of products that bring appointments to Outlook."""
        return self.filter(brings_appointments=True)


class UserList(models.Model):
    """A named list, always replaced as a whole. `brings_appointments`: its product brings appointments to Outlook.

    `changed_by` is None for the example list of the demo.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=60, unique=True)
    brings_appointments = models.BooleanField(default=True)
    entries_count = models.PositiveIntegerField(default=0)
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    objects = UserListQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class UserListEntry(models.Model):
    """One entry of a list as written. `user` is the user that it matches; None if it matches none or several."""

    list = models.ForeignKey(UserList, on_delete=models.CASCADE, related_name="entries")
    position = models.PositiveIntegerField()
    text = models.CharField(max_length=320)
    user = models.ForeignKey(FilterUser, on_delete=models.SET_NULL, null=True, related_name="listed")
    fits_several = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "user list entries"
        constraints = [
            models.UniqueConstraint(fields=["list", "position"], name="one_entry_a_place"),
            models.CheckConstraint(
                name="an_entry_means_nobody_or_one", condition=Q(fits_several=False) | Q(user__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"line {self.position} of {self.list_id}"
