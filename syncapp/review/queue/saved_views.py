"""Saved views: lists that a person keeps under a name. Saving under the same name replaces the view."""

from __future__ import annotations

import uuid

from syncapp.models import Person, SavedView
from syncapp.models.folding import by_name
from syncapp.review.errors import NotPossible

MAX_VIEWS = 20
MAX_NAME_LENGTH = 60


def list_for(person: Person) -> list[SavedView]:
    """Return the person's views, by name."""
    return by_name(SavedView.objects.filter(person=person))[:MAX_VIEWS]


def save(name: str, *, query: str, by: Person) -> SavedView:
    """Save a list under a name. Raises NotPossible without a name, or with too many views."""
    name = " ".join(name.split())[:MAX_NAME_LENGTH]
    if not name:
        raise NotPossible("Give the view a name.")
    own = SavedView.objects.filter(person=by)
    if not own.filter(name=name).exists() and own.count() >= MAX_VIEWS:
        raise NotPossible(f"You have {MAX_VIEWS} views. Delete one first.")
    return SavedView.objects.update_or_create(person=by, name=name, defaults={"query": query})[0]


def delete(view_id: uuid.UUID, *, by: Person) -> None:
    """Delete a view of the person; other people's views are ignored."""
    SavedView.objects.filter(pk=view_id, person=by).delete()
