"""The matrix and the pages of runs, compared with the CRM's ledger."""

from __future__ import annotations

from syncapp.connection import clients
from syncapp.models import FilterRow, FilterRun, FilterTeam, FilterUser
from syncapp.models.sync_filters.run import RunState
from syncapp.models.sync_filters.tables import Cell, group_of
from syncapp.sync_filters.runs import job
from tests.support.people import browser, fred, make_person, vera
from tests.support.screen import text
from tests.sync_filters.conftest import read, scenery

__all__ = ["read", "scenery"]


def test_filter_manager_starts_with_matrix(read, django_assert_max_num_queries):
    client = browser(fred())

    assert client.get("/").url == "/filters/"
    with django_assert_max_num_queries(22):
        page = text(client.get("/filters/"))
    for user in FilterUser.objects.people():
        assert user.name in page
    assert "2 of 3" in page or FilterUser.objects.filter(appointments=Cell.MIXED).exists()


def test_empty_matrix_says_what_will_appear(db):
    assert "The users are being read" in text(browser(fred()).get("/filters/"))


def test_matrix_filters_by_team_state_and_name(read):
    client, north = browser(fred()), FilterTeam.objects.get(name="Sales North")

    assert "Rita Lindqvist" in text(client.get("/filters/?q=rita"))
    assert "Rob Marchetti" not in text(client.get("/filters/?q=rita"))
    assert "No user matches" in text(client.get("/filters/?q=zzz"))
    mixed = text(client.get("/filters/?state=mixed"))
    assert "Rita Lindqvist" not in mixed
    assert client.get(f"/filters/?team={north.pk}&risk=nonsense&mailbox=9&unit=x&cause=y&list=z").status_code == 200
    rita = read.user()
    exactly = f"/filters/?unit={rita.unit_id}&cause={rita.cause}"
    assert "Rita Lindqvist" in text(client.get(exactly))
    assert "No user matches" in text(client.get(f"{exactly}&list={north.pk}"))


def test_three_clicks_turn_appointments_off(read):
    client, rita, since = browser(fred()), read.user(), read.mark()
    drawer = text(client.get(f"/filters/?user={rita.pk}&group=appointments"))
    assert "My Appointments" in drawer

    came = client.post("/filters/freeze", {"user": str(rita.pk), "tables": "appointments", "do": "off"})
    run = FilterRun.objects.get()
    held = list(run.items.filter(plan="held").values_list("pk", flat=True))
    client.post(f"{came.url}steer", {"do": "release", "item": held})
    client.post(f"{came.url}steer", {"do": "start", "reason": "Riva"})
    job.work(run.pk, crm=clients.verified_client(), seconds=20)

    assert {change for _, change in map(tuple_of, read.switched(since))} == {(0, 1)}
    assert "Done: 1 of 1" in text(client.get(came.url))
    assert read.user().appointments == Cell.OFF
    assert "Rita Lindqvist" in text(client.get(came.url))
    assert "No users in this part" in text(client.get(f"{came.url}?part=failed"))
    assert "Undo 1 user" in text(client.get(came.url))


def tuple_of(entry):
    return entry[0], tuple(entry[1])


def test_run_for_all_matches_needs_second_person(read, settings):
    settings.SECOND_PERSON_ABOVE = 2
    client, frida = browser(fred()), browser(make_person("Frida", *fred().roles))
    came = client.post("/filters/freeze?mailbox=0", {"all": "all", "tables": "contacts", "do": "off"})
    run = FilterRun.objects.get()
    assert run.items.count() == FilterUser.objects.people().filter(method=0).count()

    client.post(f"{came.url}steer", {"do": "start", "reason": "Riva"})
    client.post(f"{came.url}confirm")
    assert FilterRun.objects.get().state == RunState.WAITING
    frida.post(f"{came.url}confirm")

    assert FilterRun.objects.get().state == RunState.RUNNING
    assert run.tables == ["contact"]


def test_htmx_gets_only_the_drawer(read):
    client, rita = browser(fred()), read.user()

    part = text(client.get(f"/filters/?user={rita.pk}&group=contacts", headers={"HX-Request": "true"}))
    closed = text(client.get("/filters/", headers={"HX-Request": "true"}))

    assert "Rita Lindqvist: contact filters" in part
    assert "Preview switching off 1 filter </button>" in part
    assert "Rob Marchetti" not in part
    assert "Select a cell to see its filters" in closed


def test_each_list_filter_can_be_removed(read):
    page = browser(fred()).get("/filters/?mailbox=1&state=on")

    assert "Mailbox: <bdi>Server-side</bdi>" in page.content.decode()
    assert 'href="/filters/?state=on"' in page.content.decode()


def test_viewer_cannot_switch_filters(read):
    client, rita = browser(vera()), read.user()

    page = text(client.get(f"/filters/?user={rita.pk}"))

    assert "Preview switching" not in page
    assert client.post("/filters/freeze", {"user": str(rita.pk)}).status_code == 403


def test_drawer_reads_user_again(read):
    client, rita = browser(fred()), read.user()
    contact = next(iter(read.states(rita)))
    read.change("userqueries", contact, name="Renamed")

    client.post(f"/filters/users/{rita.pk}/read")

    assert "Renamed" in text(client.get(f"/filters/?user={rita.pk}&group={cell_of(contact)}"))


def cell_of(filter_id: str) -> str:
    return group_of(FilterRow.objects.get(pk=filter_id).table).value
