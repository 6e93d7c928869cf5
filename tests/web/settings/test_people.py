"""The pages of people and of the reader's own settings."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from syncapp.models import AuditEntry, Person
from tests.support.people import ada, browser, fred, rita, rob, vera
from tests.support.screen import Screen

pytestmark = pytest.mark.django_db

NEW = {
    "oid": "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
    "name": "Nora Holm",
    "address": "nora@contoso.example",
    "roles": ["Reviewer"],
}


def add(**changed: object) -> Screen:
    return Screen(browser(ada()).post("/settings/people/add", {**NEW, **changed}, follow=True))


def change(person: Person, do: str, **controls: str) -> Screen:
    path = f"/settings/people/{person.pk}/change"
    return Screen(browser(ada()).post(path, {"do": do, **controls}, follow=True))


def test_person_can_be_added_before_sign_in():
    screen = add()

    nora = Person.objects.get(name="Nora Holm")
    assert (nora.is_reviewer, nora.is_administrator, nora.signed_in_at) == (True, False, None)
    assert not nora.has_usable_password()
    assert "Nora Holm was added." in screen.words
    assert "nora@contoso.example Reviewer Immediately no never" in screen.words


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"oid": "nora"}, "Enter the object ID from Entra"),
        ({"address": "nora"}, "Enter an e-mail address."),
        ({"name": " "}, "Enter a name of 1 to 200 characters."),
        ({"roles": []}, "Tick at least one role"),
        ({"roles": ["Owner"]}, "Tick at least one role"),
    ],
)
def test_invalid_person_is_not_added(wrong, words):
    screen = add(**wrong)

    assert (screen.status, Person.objects.filter(address__startswith="nora").exists()) == (422, False)
    assert words in screen.words


def test_object_id_is_unique():
    add()

    assert "A person with this object ID already exists." in add(name="Nora Again").words


def test_person_is_deactivated_and_reactivated():
    client = browser(rita())

    change(rita(), "off")
    assert client.get("/review/").status_code == 302
    change(Person.objects.get(name="Rita"), "on")

    assert Person.objects.get(name="Rita").is_active
    assert [entry.action for entry in AuditEntry.objects.all()] == ["person.active", "person.active"]


def test_people_cannot_deactivate_themselves():
    screen = change(ada(), "off")

    assert "You cannot deactivate yourself" in screen.words
    assert Person.objects.get(name="Ada").is_active


def test_administrator_sets_a_persons_preferences():
    change(rita(), "wishes", notify="daily", time_zone="Europe/Oslo")

    person = Person.objects.get(name="Rita")
    assert (person.notify, person.time_zone) == ("daily", "Europe/Oslo")
    assert AuditEntry.objects.get(action="person.wishes").actor == ada()


def test_unknown_time_zone_is_refused():
    assert "There is no time zone “Atlantis”." in change(rita(), "wishes", notify="off", time_zone="Atlantis").words


def test_people_set_only_their_own_preferences():
    client = browser(vera())

    client.post("/settings/me/change", {"do": "wishes", "notify": "off", "time_zone": "Asia/Tokyo"})

    assert Person.objects.get(name="Vera").time_zone == "Asia/Tokyo"
    assert client.post(f"/settings/people/{rita().pk}/change", {"do": "off"}).status_code == 403
    assert Person.objects.get(name="Rita").is_active


def test_own_settings_cannot_deactivate_a_person():
    browser(rita()).post("/settings/me/change", {"do": "off"})

    assert Person.objects.get(name="Rita").is_active


def test_absence_with_deputy_is_set_and_ended():
    day, client = timezone.localdate() + timedelta(days=3), browser(rita())
    body = {"do": "absence", "absent_until": day.isoformat(), "deputy": str(rob().pk)}
    screen = Screen(client.post("/settings/me/change", body, follow=True))
    assert (Person.objects.get(name="Rita").absent_until, Person.objects.get(name="Rita").deputy) == (day, rob())
    assert "Away until" in screen.words

    client.post("/settings/me/change", {"do": "here"})

    assert Person.objects.get(name="Rita").absent_until is None


@pytest.mark.parametrize(
    ("controls", "words"),
    [
        ({"absent_until": ""}, "Choose the last day of the absence."),
        ({"absent_until": "2020-01-01"}, "The last day of an absence must be today or later."),
        ({"absent_until": "2099-01-01", "deputy": "fred"}, "The deputy must be another person who reviews."),
        ({"absent_until": "2099-01-01", "deputy": "nobody"}, "Choose a deputy from the list, or no one."),
    ],
)
def test_invalid_absence_is_refused(controls, words):
    if controls.get("deputy") == "fred":
        controls = controls | {"deputy": str(fred().pk)}
    screen = Screen(browser(rita()).post("/settings/me/change", {"do": "absence", **controls}))

    assert (screen.status, Person.objects.get(name="Rita").absent_until) == (422, None)
    assert words in screen.words


def test_people_list_needs_constant_queries(django_assert_max_num_queries):
    for person in (rita(), rob(), vera(), fred()):
        change(person, "wishes", notify="daily", time_zone="UTC")
    client = browser(ada())

    with django_assert_max_num_queries(14):
        client.get("/settings/people/")


def test_single_letter_keys_are_switched_off_and_on():
    client = browser(rita())
    page = Screen(client.get("/settings/me"))
    assert page.is_checked("letter_keys", "1")
    assert "data-letters" not in page.html

    client.post("/settings/me/change", {"do": "keys"})

    page = Screen(client.get("/settings/me"))
    assert not page.is_checked("letter_keys", "1")
    assert 'data-letters="off"' in page.html
    assert 'data-letters="off"' not in Screen(browser(rob()).get("/settings/me")).html
    assert AuditEntry.objects.get(action="person.keys").actor == rita()

    client.post("/settings/me/change", {"do": "keys", "letter_keys": "1"})

    assert "data-letters" not in Screen(client.get("/settings/me")).html
