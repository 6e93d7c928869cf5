"""Saved views: lists of the queue that a person keeps under a name."""

from __future__ import annotations

from django.db import models

from syncapp.models.saved_query import SavedQuery


class SavedView(SavedQuery):
    """A list of the review queue."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "name"], name="one_view_of_a_name_per_person")]
