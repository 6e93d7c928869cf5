"""Lists of another product's users: matching of entries, and their effect on sync paths."""

from __future__ import annotations

import pytest

from syncapp.crm.directory.records import SyncMethod
from syncapp.demo import content
from syncapp.mirror.directory import user_matching
from syncapp.models import AuditEntry, FilterUser, UserList
from syncapp.models.sync_filters.user import Cause, SyncPaths
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.inventory import user_lists as lists
from tests.support.people import fred
from tests.sync_filters.users import make_user


def save(*lines, name="Riva", **more):
    return lists.save(name, list(lines), by=fred(), **more)


def test_entries_match_by_address_login_or_name(db):
    rita, rob, ada = make_user("Rita Lindqvist"), make_user("Rob Marchetti"), make_user("Ada Brennan")
    for _ in range(2):
        make_user("Twin")

    riva = save(rita.address.upper(), rob.login, "ADA brennan", "rita", "twin")

    assert lists.matched_user_ids(riva) == [rita.pk, rob.pk, ada.pk]
    assert [(entry.text, entry.fits_several) for entry in lists.unmatched_entries(riva)] == [
        ("rita", False),
        ("twin", True),
    ]


def test_uploaded_utf16_and_cp1252_are_decoded():
    assert lists.read_text("Zoë\n".encode("utf-16")) == "Zoë\n"
    assert lists.read_text("Zoë\n".encode("cp1252")) == "Zoë\n"


def test_listed_user_gets_appointments_twice(db):
    server, client = make_user("Server"), make_user("Client", SyncMethod.OUTLOOK)
    nobody, gone = make_user("Nobody", SyncMethod.NONE), make_user("Gone", is_disabled=True)
    everyone = [server, client, nobody, gone]

    riva = save(*(user.address for user in everyone))

    expected = [Cause.SERVER_AND_PRODUCT, Cause.CLIENT_AND_PRODUCT, Cause.PRODUCT, Cause.DISABLED]
    assert [now(user).cause for user in everyone] == expected
    assert [now(user).paths for user in everyone] == [
        SyncPaths.TWICE,
        SyncPaths.TWICE,
        SyncPaths.ONCE,
        SyncPaths.NOT_AT_ALL,
    ]
    lists.delete(riva, by=fred())
    assert [now(user).paths for user in everyone] == [
        SyncPaths.ONCE,
        SyncPaths.ONCE,
        SyncPaths.NOT_AT_ALL,
        SyncPaths.NOT_AT_ALL,
    ]


def now(user: FilterUser) -> FilterUser:
    return FilterUser.objects.get(pk=user.pk)


def test_replaced_list_updates_products_of_users(db):
    rita, rob = make_user("Rita Lindqvist"), make_user("Rob Marchetti")
    save(rita.address, rob.address)

    riva = save(rob.address)
    pilots = save(rita.address, name="Pilot users", brings_appointments=False)

    assert lists.matched_user_ids(riva) == [rob.pk]
    assert user_matching.lists_naming(rita.pk) == [pilots]
    assert [now(user).products for user in (rita, rob)] == [0, 1]
    assert UserList.objects.count() == 2
    assert list(AuditEntry.objects.filter(action__startswith="list.").order_by("pk").values_list("action", "area")) == [
        ("list.saved", "filter"),
        ("list.replaced", "filter"),
        ("list.saved", "filter"),
    ]


def test_inventory_matches_entries_again(scenery):
    scenery.read()
    rita = scenery.user()
    riva = save("newcomer@brandvik.example")

    scenery.change("systemusers", rita.pk, internalemailaddress="newcomer@brandvik.example")
    scenery.read()

    assert lists.matched_user_ids(riva) == [rita.pk]
    assert scenery.user().products == 1


def test_empty_or_unnamed_list_is_refused(db):
    with pytest.raises(NotPossible):
        save()
    with pytest.raises(NotPossible):
        save("a@b.example", name="  ")


def test_demo_adds_example_list_once(db, settings):
    make_user("Rita Lindqvist")
    settings.DEMO = False
    content.add_example_list()
    assert not UserList.objects.exists()

    settings.DEMO = True
    content.add_example_list()

    assert FilterUser.objects.filter(paths=SyncPaths.TWICE).exists()
    lists.delete(UserList.objects.get(), by=fred())
    content.add_example_list()
    assert not UserList.objects.exists()
