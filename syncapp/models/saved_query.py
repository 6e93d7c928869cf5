"""The common columns of saved views, which keep the query string of a list under a name."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models


class SavedQuery(models.Model):
    """A list that a person saved under a name, as its query string; the page number is not kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name
