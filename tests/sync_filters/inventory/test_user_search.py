"""Users are found by words of their name, address or login, and sorted without case and accents."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps

from syncapp import migrations
from syncapp.models import CrmUser, FilterTeam, FilterUser
from syncapp.review.queue import reads
from syncapp.sync_filters.inventory import matrix
from syncapp.sync_filters.inventory.matrix import UserCriteria
from tests.support.factories import make_editor
from tests.support.people import browser, fred
from tests.support.screen import Screen
from tests.sync_filters.users import make_user

pytestmark = pytest.mark.django_db
IN_ORDER = ["Adèle Chauvin", "adi Segal", "Åsa Hedlund", "Élodie O’Neil", "Łukasz Zieliński", "Özlem Yılmaz", "Zoë Aas"]


def found(search: str) -> list[str]:
    return [user.name for user in matrix.page(UserCriteria(search=search)).users]


@pytest.mark.parametrize(
    "typed",
    ["hedlund", "ÅSA", "asa", "hed asa", "luc", "asa@x.example", "svc-åsa@login", "svc-asa", "Jean-Luc", "a\u030asa"],
)
def test_user_is_found_by_any_word(typed):
    make_user("Åsa Jean-Luc Hedlund", address="ASA@x.example", login="svc-åsa@login.example")
    make_user("Ulla Other")

    assert found(typed) == ["Åsa Jean-Luc Hedlund"]


@pytest.mark.parametrize("typed", ["edlund", "asa other", "%", "\u200b", "— ’", "login.example"])
def test_search_does_not_match_inside_words(typed):
    make_user("Åsa Hedlund")
    make_user("Ulla Other")

    assert found(typed) == []


def test_search_without_results_explains_why():
    make_user("Åsa Hedlund")
    client = browser(fred())

    alone, matching = (Screen(client.get(f"/filters/?q=zzz{more}")).words for more in ("", "&state=off"))

    assert "Nothing found for “zzz”" in alone
    assert "No user matches all filters in use" not in alone
    assert "No user matches all filters in use with what you searched for" in matching


def test_names_are_sorted_ignoring_case_and_accents():
    for name in reversed(IN_ORDER):
        make_user(name)
        make_editor(name)
        FilterTeam.objects.create(pk=make_user(f"zz {name}").pk, name=name)

    assert found("")[: len(IN_ORDER)] == IN_ORDER
    assert [team.name for team in matrix.teams()] == IN_ORDER
    assert [editor.name for editor in reads.editors()] == IN_ORDER


def test_migration_folds_existing_names(monkeypatch):
    (path,) = Path(migrations.__file__).parent.glob("*_fold_names_of_users.py")
    migration = import_module(f"syncapp.migrations.{path.stem}")
    monkeypatch.setattr(migration, "BATCH", 2)
    for number in range(5):
        make_user(f"Åsa {number}")
        make_editor(f"Åsa {number}")
    FilterUser.objects.update(name_key="åsa", search_words=None)
    CrmUser.objects.update(name_key="")
    assert found("asa") == []

    migration.fill(apps, None)

    assert found("asa") == [f"Åsa {number}" for number in range(5)]
    assert [editor.name_key for editor in reads.editors()] == [f"asa {number}" for number in range(5)]
