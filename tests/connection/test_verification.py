"""The connection: stored at first contact, refused for another CRM, read-only until writes are enabled."""

from __future__ import annotations

import uuid
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from syncapp.connection import clients
from syncapp.connection.clients import WrongOrganization
from syncapp.crm.deadline import Deadline
from syncapp.crm.errors import NotFound, Throttled
from syncapp.jobs import breakers
from syncapp.mirror.edits import pull
from syncapp.models import Breaker, Connection
from syncapp.notifications import mail_service
from tests.support.servers import valkey
from tests.support.world import World

pytestmark = pytest.mark.django_db


def test_new_connection_is_read_only(settings):
    settings.CRM_ENABLE_WRITES = False

    clients.check_organization(uuid.uuid4())

    assert not clients.review_writes_are_enabled()


def test_wrong_organization_opens_breaker():
    clients.check_organization(uuid.uuid4())

    with pytest.raises(WrongOrganization):
        clients.check_organization(uuid.uuid4())

    assert [breaker.name for breaker in breakers.all_open()] == [Breaker.Name.WRONG_ORGANIZATION]


def test_right_organization_closes_breaker():
    ours = uuid.uuid4()
    clients.check_organization(ours)
    with pytest.raises(WrongOrganization):
        clients.check_organization(uuid.uuid4())

    clients.check_organization(ours)

    assert breakers.all_open() == []


def test_command_enables_one_kind_of_writes(world: World, capsys):
    clients.verified_client()
    Connection.objects.update(review_writes=False, filter_writes=False)

    call_command("connection", "--enable", "review")

    known = Connection.objects.get()
    assert (known.review_writes, known.filter_writes) == (True, False)
    assert "writing filters: read-only" in capsys.readouterr().out


def test_pull_command_reports_counts(world: World, capsys):
    world.outlook(world.contact(), jobtitle="Head")

    call_command("pull")

    assert "1 fields of 1 edits read" in capsys.readouterr().out


def test_successful_pull_command_closes_read_breakers(world: World):
    breakers.record_refusal(Breaker.Name.REFUSED_READ, NotFound("no such table", status=404))
    world.faults({"method": "GET", "table": "osync_syncfield", "status": 404, "times": 2})
    with pytest.raises(CommandError, match="could not be read"):
        call_command("pull")
    assert breakers.all_open() != []
    world.heal()

    call_command("pull")

    assert breakers.all_open() == []


def test_full_pull_reads_everything_again(world: World, capsys):
    world.edited(jobtitle="Head")

    call_command("pull", "--full")

    assert "1 fields of 1 edits read" in capsys.readouterr().out


class Terminal(StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def test_pull_command_reports_each_page(world: World, monkeypatch):
    monkeypatch.setattr(pull, "PAGE_SIZE", 1)
    world.outlook(world.contact(), jobtitle="Head", telephone1="+47 1")
    watched = Terminal()

    call_command("pull", stderr=watched, stdout=StringIO())

    assert "\r1 fields, 0 edits read\r2 fields, 0 edits read" in watched.getvalue()
    assert watched.getvalue().endswith("\r2 fields, 1 edits read\n")


@pytest.fixture
def limited(sandbox, settings):
    """Return a client whose rate limiter uses a Redis of its own."""
    with valkey() as broker:
        settings.RATE_LIMIT_URL = broker.url
        settings.RATE_LIMIT_TIME_SCALE = 100  # a burst, and then almost nothing during the test
        yield clients.crm()
        clients.crm().close()


def test_rate_limit_url_selects_redis(limited):
    full = limited.limiter_status()

    limited.who_am_i()

    assert full.shared
    assert limited.limiter_status().requests_ready < full.requests_ready


def test_background_client_uses_bulk_lane(limited):
    background = clients.verified_client()

    with pytest.raises(Throttled):
        _use_up(lambda: background.who_am_i(deadline=Deadline.after(2)))

    assert limited.who_am_i(deadline=Deadline.after(2))


def _use_up(call) -> None:
    for _ in range(100):
        call()


@pytest.mark.parametrize("origin", ["http://graph.contoso.example", "https://graph.contoso.example@evil.example"])
def test_mail_channel_refuses_unsafe_graph_origin(settings, origin: str):
    settings.MAIL_BACKEND = "graph"
    settings.GRAPH_ORIGIN = origin

    with pytest.raises(ValueError, match=r"https|address"):
        mail_service.channel()
