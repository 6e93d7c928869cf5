"""Saved views: lists that a person keeps under a name. Saving under the same name replaces the view."""

from __future__ import annotations

import uuid
from typing import TypeVar

from django.db import IntegrityError, transaction

from syncapp.accounts.errors import BadView
from syncapp.models import Person
from syncapp.models.folding import by_name
from syncapp.models.saved_query import SavedQuery

MAX_VIEWS = 20
MAX_NAME_LENGTH = 60
MAX_QUERY_LENGTH = 1000

View = TypeVar("View", bound=SavedQuery)


def list_for(kind: type[View], person: Person) -> list[View]:
    """Return the person's views of one kind, sorted by name."""
    return by_name(kind._default_manager.filter(person=person))[:MAX_VIEWS]


def save(kind: type[View], name: str, *, query: str, by: Person) -> View:
    """Save a list under a name. Raises BadView for a missing name, a long query, or too many views."""
    name = _clean_name(name)
    own_views = kind._default_manager.filter(person=by)
    if not own_views.filter(name=name).exists() and own_views.count() >= MAX_VIEWS:
        raise BadView(f"You have {MAX_VIEWS} views. Delete one first.")
    if len(query) > MAX_QUERY_LENGTH:
        raise BadView("This search is too long to be saved. Shorten it.")
    return kind._default_manager.update_or_create(person=by, name=name, defaults={"query": query})[0]


def rename(kind: type[View], view_id: uuid.UUID, name: str, *, by: Person) -> None:
    """Rename a view of the person. Raises BadView if the name is missing or another view has it."""
    name = _clean_name(name)
    try:
        with transaction.atomic():
            kind._default_manager.filter(pk=view_id, person=by).update(name=name)
    except IntegrityError as error:
        raise BadView(f"Another view is named “{name}”. Choose another name.") from error


def delete(kind: type[View], view_id: uuid.UUID, *, by: Person) -> None:
    """Delete a view of the person; do nothing if it is another person's."""
    kind._default_manager.filter(pk=view_id, person=by).delete()


def _clean_name(name: str) -> str:
    name = " ".join(name.split())[:MAX_NAME_LENGTH]
    if not name:
        raise BadView("Enter a name for the view.")
    return name
