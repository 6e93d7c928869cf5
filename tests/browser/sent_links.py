"""Every kind of mail as it was sent, and the addresses in it."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import override_settings
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from syncapp import preferences
from syncapp.mirror.edits import arrivals
from syncapp.models import Person
from syncapp.models.outbox import MessageKind
from syncapp.outbox import messages
from syncapp.review import collaboration, notification_rules
from syncapp.sync_filters.runs import creation, transitions
from tests.notifications.conftest import PostOffice, post_office, send_due  # noqa: F401  (a fixture is found by its name)
from tests.support import people, scenes
from tests.support.factories import make_editor, make_field, make_record, store_columns
from tests.sync_filters.users import make_user
from tests.web.filters.test_run import OFF, filters_for

KINDS = set(MessageKind.values)


@pytest.fixture(name="links")
def sent_links(
    live_server: LiveServer,
    post_office: PostOffice,  # noqa: F811  (the fixture itself)
    settings: Settings,
) -> list[str]:
    """Return every address in every kind of mail: in the text, the HTML and the headers."""
    settings.BASE_URL = live_server.url
    assert {message.kind for message in every_kind_of_mail()} == KINDS
    found = {link for mail in post_office.mails() for link in addresses(mail.text, mail.html, str(mail.headers))}
    assert len(post_office.mails()) == len(KINDS)
    assert {link.split("/")[3] for link in found} == {"filters", "l", "mails", "review"}
    return sorted(found)


def addresses(*texts: str) -> set[str]:
    return {unescape(link) for text in texts for link in re.findall(r"http://localhost:[^\s\"'<>)]+", text)}


def every_kind_of_mail() -> list[messages.Message]:
    store_columns()
    preferences.change(by=None, tell_editors=True)
    rita = people.rita()
    make_field(make_record("Somebody who waits as well"))
    Person.objects.update(notified_until=0)
    record = make_record(editor=make_editor(address="jonas@contoso.example"))
    make_field(record, "jobtitle")
    make_field(record, "telephone1", original_value="1", proposed_value="2")
    arrivals.record([record.pk])
    notification_rules.notify_new_edits()
    details = messages.Message.objects.get().details
    messages.queue("digest", to=rita, details=details)
    messages.queue("overdue", to=rita, details={"records": [str(record.pk)], "count": 1})
    question = collaboration.ask(record.pk, colleague=rita, text="Is she the same?", by=people.rob())
    collaboration.answer(question.pk, text="She is.", by=rita)
    collaboration.ask_editor(record.pk, text="Is this her new number?", by=rita)
    details = {"code": "worker", "text": "No worker answers.", "since": "today", "over": False}
    messages.queue("operations", to=rita, details=details)
    messages.queue("test", to=rita)
    _start_run_that_needs_confirmation()
    other = make_field(make_record("Tomasz", editor=make_editor(address="jonas@contoso.example")))
    scenes.finished(scenes.approved(other, by=rita))
    notification_rules.notify_editors([other.record_id])
    send_due()
    return list(messages.Message.objects.all())


def _start_run_that_needs_confirmation() -> None:
    user = make_user("Kim Moe")
    filters_for([user])
    with override_settings(SECOND_PERSON_ABOVE=0):
        transitions.start(
            creation.create_run([user.pk], OFF, by=people.fred()), by=people.fred(), confirmer=people.ada()
        )
