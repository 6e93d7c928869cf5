"""The form of a new run: every source of users, missing values, and kept input."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from syncapp.models import FilterMembership, FilterRun, FilterTeam, FilterUnit, FilterUser
from syncapp.models.folding import search_key
from syncapp.models.sync_filters.user import search_words_of
from syncapp.sync_filters.inventory import user_lists
from tests.support.people import browser, fred, vera
from tests.support.screen import text

FORM = {"freeze": "freeze", "source": "names", "want": "off", "tables": "contacts", "stop": "5"}


@pytest.fixture
def people(db) -> list[FilterUser]:
    """Create five users in a unit below another; the last two have the same name."""
    above = FilterUnit.objects.create(pk=key(101), name="Sales")
    unit = FilterUnit.objects.create(pk=key(102), name="Sales North", parent_id=above.pk)
    names = ["Anna Berg", "Bo Dahl", "Cai Eng", "Kim Moe", "Kim Moe"]
    return [person(n, name, unit) for n, name in enumerate(names, 1)]


def key(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012}"


def person(number: int, name: str, unit: FilterUnit) -> FilterUser:
    address = f"{name.split()[0].lower()}{number}@brandvik.example"
    words = search_words_of(name=name, address=address, login="")
    keys = {"name_key": search_key(name), "search_words": words, "address_key": address}
    keys |= {"read_at": timezone.now(), "unit_id": unit.pk}
    FilterUser.objects.create(pk=key(number), name=name, address=address, has_own_roles=True, **keys)
    return FilterUser.objects.get(pk=key(number))


def names_of(run: FilterRun) -> list[str]:
    return list(run.items.order_by("position").values_list("user__address", flat=True))


def test_ambiguous_names_are_reported_before_creation(people):
    client = browser(fred())
    pasted = "anna1@brandvik.example\nBO DAHL;Sales;x\nKim Moe\nnobody@else.example"

    page = text(client.post("/filters/plan", FORM | {"names": pasted, "reason": "Riva"}), 422)

    assert "2 users found, 2 left out" in page
    assert "kim4@brandvik.example, kim5@brandvik.example" in page
    assert "nobody@else.example" in page
    assert 'value="Riva"' in page
    assert not FilterRun.objects.exists()
    client.post("/filters/plan", FORM | {"names": pasted, "without": "without"})
    run = FilterRun.objects.get()
    assert (names_of(run), run.words) == (
        ["anna1@brandvik.example", "bo2@brandvik.example"],
        "4 pasted names, 2 left out",
    )


def test_uploaded_file_is_read_and_kept(people):
    file = SimpleUploadedFile("users.csv", b"\xef\xbb\xbfanna1@brandvik.example,1\r\nzoe@brandvik.example,2\r\n")

    page = text(browser(fred()).post("/filters/plan", FORM | {"file": file}), 422)

    assert "anna1@brandvik.example,1" in page
    assert "1 user found, 1 left out" in page


def test_unit_includes_units_below(people):
    browser(fred()).post("/filters/plan", FORM | {"source": "unit", "unit": key(101)})

    run = FilterRun.objects.get()
    assert (run.items.count(), run.words) == (5, "Business unit Sales with 1 unit below it")


def test_run_takes_users_from_every_source(people):
    client, team = browser(fred()), FilterTeam.objects.create(pk=key(200), name="North")
    FilterMembership.objects.create(team_id=team.pk, user_id=people[0].pk)
    kept = user_lists.save("Riva", ["bo2@brandvik.example"], by=fred())
    choices = [
        ({"source": "team", "team": key(200)}, "Team North", ["anna1"]),
        ({"source": "list", "list": str(kept.pk)}, "List Riva", ["bo2"]),
        ({"source": "ticked", "user": [key(3), key(1)]}, "On the Users page", ["cai3", "anna1"]),
        ({"source": "shown", "shown": "q=kim"}, "All users shown (search “kim”)", ["kim4", "kim5"]),
        (
            {"source": "ticked", "user": [key(3)], "shown": f"team={key(200)}&mailbox=0"},
            "On the Users page (Team: North; Mailbox: Outlook)",
            ["cai3"],
        ),
    ]
    for choice, words, found in choices:
        client.post("/filters/plan", FORM | choice)
        run = FilterRun.objects.latest("number")
        assert (run.words, [each.partition("@")[0] for each in names_of(run)]) == (words, found)


def test_missing_values_are_reported_and_input_kept(people):
    sent = FORM | {"want": "", "names": "anna1@brandvik.example", "pilot": "many", "starts": "2020-01-01T06:00"}

    page = text(browser(fred()).post("/filters/plan", sent), 422)

    for words in (
        "Choose the result",
        "Users in the pilot: enter a whole number",
        "This time has passed",
        "anna1@brandvik.example",
        "many",
    ):
        assert words in page
    assert not FilterRun.objects.exists()


def test_options_and_local_start_are_stored(people):
    person = fred()
    person.time_zone = "Europe/Oslo"
    person.save()
    sent = {"names": "anna1@brandvik.example", "pilot": "10", "stop": "20", "reason": "Riva", "change_number": "CHG-7"}

    browser(person).post("/filters/plan", FORM | sent | {"starts": "2099-12-01T06:00"})

    run = FilterRun.objects.get()
    assert (run.pilot, run.stop_above_percent, run.reason, run.change_number) == (10, 20, "Riva", "CHG-7")
    assert run.starts_at.isoformat() == "2099-12-01T05:00:00+00:00"


@pytest.mark.parametrize(
    ("starts", "words"),
    [
        ("2027-03-28T02:30", "02:30 on 28 Mar 2027 does not exist in Europe/Oslo"),
        ("2027-10-31T02:30", "02:30 on 31 Oct 2027 occurs twice in Europe/Oslo"),
        ("0001-01-01T00:00", "Enter a date and a time"),
    ],
)
def test_ambiguous_or_invalid_start_is_refused(people, starts, words):
    person = fred()
    person.time_zone = "Europe/Oslo"
    person.save()

    answer = browser(person).post("/filters/plan", FORM | {"names": "anna1@brandvik.example", "starts": starts})

    assert words in text(answer, 422)
    assert not FilterRun.objects.exists()


def test_form_opens_with_ticked_or_shown_users(people):
    client = browser(fred())

    assert "1 selected: <bdi>Anna Berg</bdi>" in text(client.post("/filters/plan", {"user": key(1)}))
    assert "All 2 users shown (search “kim”)" in text(client.get("/filters/plan?q=kim"))
    assert "The only user shown (search “anna”)" in text(client.get("/filters/plan?q=anna"))
    assert browser(vera()).get("/filters/plan").status_code == 403
