"""Saved views of the matrix, its order, and the numbers in the navigation."""

from __future__ import annotations

import uuid

import pytest

from syncapp.accounts import saved_views
from syncapp.models import FilterRun, FilterTeam, FilterUnit, FilterUser, FilterView
from syncapp.models.sync_filters.run import RunState
from syncapp.models.sync_filters.tables import Cell
from syncapp.sync_filters.inventory import matrix
from tests.support.people import browser, fred, vera
from tests.support.screen import Screen
from tests.sync_filters.users import make_user

pytestmark = pytest.mark.django_db


def page(query: str = "") -> Screen:
    return Screen(browser(fred()).get(f"/filters/{query}"))


def post(address: str, **typed: str) -> Screen:
    return Screen(browser(fred()).post(f"/filters/{address}", typed, follow=True))


def save(query: str = "?contacts=off&sort=-paths", name: str = "Contacts off") -> FilterView:
    post(f"views/save{query}", name=name)
    return FilterView.objects.get(name=" ".join(name.split()))


def shown(screen: Screen) -> list[str]:
    """Return the users in the order of the page."""
    users = FilterUser.objects.values_list("name", flat=True)
    return sorted((name for name in users if f"<b>{name}</b>" in screen.html), key=screen.html.index)


def test_view_keeps_search_filters_and_order() -> None:
    user = make_user("Ann")

    query = f"?contacts=off&sort=-paths&q=+ann&junk=1&risk=nonsense&after={user.pk}&user={user.pk}&group=tasks"
    view = save(query, "  Contacts   off ")

    assert (view.name, view.query, view.person) == ("Contacts off", "?q=ann&contacts=off&sort=-paths", fred())
    assert any(found.get("href") == f"/filters/{view.query}" for _, found in page().tags)


def test_view_belongs_to_its_owner() -> None:
    view = save()
    other = browser(vera())

    assert "Contacts off" not in Screen(other.get("/filters/")).words
    for step in ("", "rename", "delete"):
        send = other.post if step else other.get
        assert send(f"/filters/views/{view.pk}/{step}", {"name": "Mine"}).status_code == 404
    assert FilterView.objects.get().name == "Contacts off"


def test_saving_again_replaces_the_view() -> None:
    save()

    assert save("?q=b").query == "?q=b"
    assert FilterView.objects.count() == 1


def test_unnamed_view_is_refused() -> None:
    make_user("Ann")

    screen = post("views/save?contacts=off", name=" ")

    assert screen.status == 422
    assert "Enter a name for the view." in screen.words
    assert not FilterView.objects.exists()


def test_view_over_the_limit_keeps_its_name() -> None:
    FilterView.objects.bulk_create(
        FilterView(person=fred(), name=f"View {number}", query="") for number in range(saved_views.MAX_VIEWS)
    )
    make_user("Ann")

    screen = post("views/save", name="One more")

    assert (screen.status, screen.input("name")) == (422, "One more")
    assert "Delete one first." in screen.words


def test_view_is_renamed() -> None:
    view = save()
    assert "Contacts: Off." in Screen(browser(fred()).get(f"/filters/views/{view.pk}/")).words

    screen = post(f"views/{view.pk}/rename", name="Off")

    assert FilterView.objects.get().name == "Off"
    assert "Renamed." in screen.words


@pytest.mark.parametrize(
    ("name", "message"),
    [(" ", "Enter a name for the view."), ("Other", "Another view is named “Other”.")],
    ids=["empty", "taken"],
)
def test_refused_name_changes_nothing(name: str, message: str) -> None:
    view = save()
    save("", "Other")

    screen = post(f"views/{view.pk}/rename", name=name)

    assert screen.status == 422
    assert message in screen.words
    assert set(FilterView.objects.values_list("name", flat=True)) == {"Contacts off", "Other"}


def test_view_is_deleted() -> None:
    view = save()

    screen = post(f"views/{view.pk}/delete")

    assert "The view “Contacts off” is deleted." in screen.words
    assert not FilterView.objects.exists()


def test_column_headings_sort_and_reverse() -> None:
    for name, cell in (("Ann", Cell.OFF), ("Bea", Cell.ON), ("Cleo", Cell.OFF)):
        make_user(name, tasks=cell)

    heads = {found["href"] for _, found in page().tags if found.get("class") == "sort"}
    assert {"/filters/?sort=tasks", "/filters/?sort=-name"} <= heads
    ascending = page("?sort=tasks")

    assert shown(ascending) == ["Bea", "Ann", "Cleo"]
    assert [found["aria-sort"] for _, found in ascending.tags if "aria-sort" in found] == ["ascending"]
    assert 'href="/filters/?sort=-tasks"' in ascending.html
    assert shown(page("?sort=-tasks")) == ["Ann", "Cleo", "Bea"]
    assert shown(page("?sort=nonsense")) == ["Ann", "Bea", "Cleo"]


def test_next_page_keeps_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(matrix.page.__kwdefaults__, "size", 2)
    for name, cell in (("Ann", Cell.OFF), ("Bea", Cell.ON), ("Cleo", Cell.OFF)):
        make_user(name, tasks=cell)

    first = page("?sort=tasks")
    link = next(
        found["href"] for _, found in first.tags if "after=" in found.get("href", "") and found["class"] == "button"
    )

    assert shown(first) == ["Bea", "Ann"]
    assert shown(page(link.removeprefix("/filters/"))) == ["Cleo"]


def test_matrix_cell_links_keep_the_order() -> None:
    user = make_user("Ann")

    assert f"/filters/?sort=tasks&amp;user={user.pk}&amp;group=contacts" in page("?sort=tasks").html


def test_each_filter_group_narrows_the_matrix() -> None:
    make_user("Ann", contacts=Cell.OFF, tasks=Cell.ON)
    make_user("Bea", contacts=Cell.OFF, tasks=Cell.OFF)

    screen = page("?contacts=off&tasks=off")

    assert shown(screen) == ["Bea"]
    assert "Contacts: Off" in screen.words
    assert 'href="/filters/?tasks=off"' in screen.html


def test_teams_are_grouped_by_unit() -> None:
    unit = FilterUnit.objects.create(id=uuid.uuid4(), name="North")
    team = FilterTeam.objects.create(id=uuid.uuid4(), name="Sales", unit_id=unit.pk)
    make_user("Ann")

    screen = page(f"?team={team.pk}")

    assert ("optgroup", {"label": "North"}) in screen.tags
    assert "Team: Sales" in screen.words


def test_sync_paths_have_their_own_column() -> None:
    FilterUser.objects.filter(pk=make_user("Ann").pk).update(paths="twice")

    screen = page()

    assert "Sort by Reaches Outlook" in screen.words
    assert "Ann" in screen.words
    assert ("td", {"role": "cell", "class": "reach warn", "data-label": "Reaches Outlook"}) in screen.tags


def test_navigation_counts_risk_and_runs() -> None:
    FilterUser.objects.filter(pk=make_user("Ann").pk).update(paths="twice")
    FilterUser.objects.filter(pk=make_user("Bot", is_application=True).pk).update(paths="twice")
    assert "Risk 1 user with duplicates Lists Runs Policies" in page().words

    FilterRun.objects.create(number=1, person=fred(), state=RunState.RUNNING, tables=["contact"])

    assert "Runs 1 running" in page().words
    assert "Runs 1 running" in Screen(browser(fred()).get("/filters/risk/")).words
