"""The page of a run that waits for a second person."""

from __future__ import annotations

import re
import uuid

from django.utils import timezone

from syncapp.demo import content
from syncapp.models import FilterUser, Message
from syncapp.sync_filters.runs import creation, transitions
from tests.support.people import ada, browser, fred, make_person
from tests.support.world import World
from tests.web.filters.test_plan import people
from tests.web.filters.test_run import OFF, filters_for, page, run, steer

__all__ = ["people", "run"]


def test_chosen_confirmer_gets_mail(run, settings):
    settings.SECOND_PERSON_ABOVE = 2
    asked, frida = ada(), make_person("Frida", *fred().roles)
    assert "Who confirms" in page(run)

    steer(run, do="start", ask=str(asked.pk), reason="Riva")
    browser(frida).post(f"/filters/runs/{run.pk}/confirm")

    assert [message.recipient for message in Message.objects.all()] == [asked]
    assert "<dt>Confirmed by</dt> <dd><bdi>Frida</bdi></dd>" in page(run)


def test_large_run_in_new_demo_offers_confirmers(world: World, run, settings):
    settings.SECOND_PERSON_ABOVE = 2
    content.register_people()

    choices = re.search(r'<select id="ask".*?</select>', page(run), re.DOTALL)

    assert choices is not None
    offered = re.findall(r">([^<]+)</option>", choices[0])
    assert set(offered) == {"Anyone who can", "Ada Brennan", "Fred Okafor", "Frida Solberg"}


def test_page_shows_link_when_no_one_can_confirm(run, settings):
    settings.SECOND_PERSON_ABOVE = 2
    hint, address = "ask an administrator to add them under Settings, People", f"/filters/runs/{run.pk}/"

    preview = page(run)
    steer(run, do="start")
    waiting = page(run)

    for page_text in (preview, waiting):
        assert "No one who can confirm is known yet." in page_text
        assert f'value="http://127.0.0.1:8000{address}" readonly' in page_text
        assert hint in page_text
    assert "Gets a mail" not in preview
    assert "Asked:" not in waiting


def test_newcomer_can_be_asked_to_confirm_waiting_run(run, settings):
    settings.SECOND_PERSON_ABOVE = 2
    steer(run, do="start")
    make_person("Frida", *fred().roles)
    assert "No one has been asked yet." in page(run)

    steer(run, do="ask")

    assert "Asked: <bdi>Frida</bdi>." in page(run)
    assert [str(message.recipient) for message in Message.objects.all()] == ["Frida"]
    assert 'value="ask"' not in page(run)


def test_second_person_without_address_needs_link(run, settings):
    settings.SECOND_PERSON_ABOVE = 2
    make_person("Frida", *fred().roles, address="")

    page_text = page(run)

    assert (
        "The people who can confirm do not receive mail:</strong> <bdi>Frida</bdi>. Send them this link." in page_text
    )


def test_failed_mail_to_second_person_is_shown(run, settings):
    settings.SECOND_PERSON_ABOVE = 2
    make_person("Frida", *fred().roles)
    steer(run, do="start")
    Message.objects.update(state="failed", finished_at=timezone.now())

    page_text = page(run)

    assert "The mail could not be sent to: <bdi>Frida</bdi>." in page_text
    assert "Asked:" not in page_text


def test_page_explains_need_for_second_person(run, settings):
    settings.SECOND_PERSON_ABOVE = 6
    transitions.start(run, by=fred())
    more = FilterUser.objects.bulk_create(
        FilterUser(pk=uuid.uuid4(), name=f"More {n}", has_own_roles=True, read_at=timezone.now()) for n in range(2)
    )
    filters_for(more)

    second = creation.create_run([user.pk for user in more], OFF, by=fred())

    page_text = page(second)
    assert "5 other users were switched or are being switched within the last 24 hours" in page_text
    assert "with the 2 of this run, that makes 7." in page_text
    assert "Ask for confirmation for 2 users" in page_text
