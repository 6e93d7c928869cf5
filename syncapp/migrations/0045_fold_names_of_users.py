"""Users get their words and folded keys; users of edits their folded keys. Edits get theirs by the next pulls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.db import migrations, transaction

from syncapp.models.folding import folded, search_key, searchable

BATCH = 500


def fill(apps: Any, editor: Any) -> None:
    users, editors = apps.get_model("syncapp", "FilterUser"), apps.get_model("syncapp", "CrmUser")
    for rows in _batches(users.objects.filter(search_words=None).only("name", "address", "login")):
        _store(rows, users, _words_of_user, ["name_key", "search_words"])
    for rows in _batches(editors.objects.exclude(name="").only("name")):
        _store(rows, editors, _key, ["name_key"])


def _batches(rows: Any) -> Iterator[list[Any]]:
    last = None
    while found := list((rows.filter(pk__gt=last) if last else rows).order_by("pk")[:BATCH]):
        yield found
        last = found[-1].pk


def _store(rows: list[Any], model: Any, change: Callable[[Any], None], columns: list[str]) -> None:
    for row in rows:
        change(row)
    with transaction.atomic():
        model.objects.bulk_update(rows, columns)


def _key(row: Any) -> None:
    row.name_key = search_key(row.name)


def _words_of_user(row: Any) -> None:
    _key(row)
    row.search_words = " ".join((searchable(row.name), folded(row.address), folded(row.login)))


class Migration(migrations.Migration):
    atomic = False  # one batch per transaction: other writers never wait for all of them
    dependencies = [("syncapp", "0044_words_of_users")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
