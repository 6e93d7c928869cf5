"""Saved views of the matrix: search, filters and order that a person keeps under a name."""

from __future__ import annotations

from django.db import models

from syncapp.models.saved_query import SavedQuery


class FilterView(SavedQuery):
    """A view of the matrix of users and filters."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "name"], name="one_filter_view_of_a_name_per_person")]
