"""Lists of another product's users: whom their lines mean, and that they count as a way to Outlook."""

from __future__ import annotations

import pytest

from syncapp import demo
from syncapp.filters import lists
from syncapp.filters.errors import NotPossible
from syncapp.mirror import user_lists
from syncapp.models import AuditEntry, FilterUser, UserList
from syncapp.models.filter_user import Cause, Reach
from tests.people import fred


def save(*lines, name="Riva", **more):
    return lists.save(name, list(lines), by=fred(), **more)


def test_a_line_means_whoever_has_this_address_login_or_name_and_no_other(scenery):
    scenery.read()
    rita, rob = scenery.user(), scenery.user("Rob Marchetti")
    ada = scenery.user("Ada Brennan")
    FilterUser.objects.exclude(pk__in=[rita.pk, rob.pk, ada.pk]).update(name="Twin", name_key="twin")

    riva = save(rita.address.upper(), rob.login, "ADA brennan", "rita", "twin")

    assert lists.matched(riva) == [rita.pk, rob.pk, ada.pk]
    assert [(entry.text, entry.fits_several) for entry in lists.unmatched(riva)] == [("rita", False), ("twin", True)]


def test_the_first_column_of_whatever_was_pasted_is_read_once():
    pasted = '"a@b.example";Rita\r\nB@b.example\tRob\nRob Marchetti <c@b.example>\n\n  A@b.example , x\n'

    assert lists.lines_of(pasted) == ["a@b.example", "B@b.example", "c@b.example"]
    assert lists.read_text("Zoë\n".encode("utf-16")) == "Zoë\n"
    assert lists.read_text("Zoë\n".encode("cp1252")) == "Zoë\n"


def test_who_is_in_another_products_list_too_gets_appointments_twice(scenery):
    scenery.read()
    server = FilterUser.objects.filter(cause=Cause.SERVER).first()
    client = FilterUser.objects.filter(cause=Cause.CLIENT).first()
    nobody = FilterUser.objects.filter(cause=Cause.METHOD_NONE).first()

    riva = save(server.address, client.address, nobody.address)

    found = dict(FilterUser.objects.filter(products=1).values_list("pk", "cause"))
    expected = [Cause.SERVER_AND_PRODUCT, Cause.CLIENT_AND_PRODUCT, Cause.PRODUCT]
    assert found == dict(zip([server.pk, client.pk, nobody.pk], expected, strict=True))
    assert FilterUser.objects.get(pk=server.pk).reach == Reach.TWICE
    lists.delete(riva, by=fred())
    assert FilterUser.objects.get(pk=server.pk).reach == Reach.ONCE
    assert FilterUser.objects.get(pk=nobody.pk).cause == Cause.METHOD_NONE


def test_a_list_is_replaced_as_a_whole_and_a_mere_selection_is_no_way_to_outlook(scenery):
    scenery.read()
    rita, rob = scenery.user(), scenery.user("Rob Marchetti")
    save(rita.address, rob.address)

    riva = save(rob.address)
    pilots = save(rita.address, name="Pilot users", brings_appointments=False)

    assert lists.matched(riva) == [rob.pk]
    assert user_lists.products_of(rita.pk) == [pilots]
    assert [scenery.user(user.name).products for user in (rita, rob)] == [0, 1]
    assert UserList.objects.count() == 2
    assert list(AuditEntry.objects.filter(action__startswith="list.").order_by("pk").values_list("action", "area")) == [
        ("list.saved", "filter"),
        ("list.replaced", "filter"),
        ("list.saved", "filter"),
    ]


def test_a_later_reading_finds_who_joined_since(scenery):
    scenery.read()
    rita = scenery.user()
    riva = save("newcomer@brandvik.example")

    scenery.change("systemusers", rita.pk, internalemailaddress="newcomer@brandvik.example")
    scenery.read()

    assert lists.matched(riva) == [rita.pk]
    assert scenery.user().products == 1


def test_an_empty_or_nameless_list_is_not_kept(db):
    with pytest.raises(NotPossible):
        save()
    with pytest.raises(NotPossible):
        save("a@b.example", name="  ")


def test_the_demo_brings_an_example_once(scenery, settings):
    scenery.read()
    settings.DEMO = False
    demo.bring_example_list()
    assert not UserList.objects.exists()

    settings.DEMO = True
    demo.bring_example_list()

    assert FilterUser.objects.filter(reach=Reach.TWICE).exists()
    lists.delete(UserList.objects.get(), by=fred())
    demo.bring_example_list()
    assert not UserList.objects.exists()
