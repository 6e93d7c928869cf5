"""Mails with untrusted text in headers and lines, as raw mail, by SMTP and by Graph."""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Callable

import pytest
from pytest_django import Settings

from dataverse_sandbox.mail.mailbox import Mail
from syncapp import preferences
from syncapp.crm.staging.records import Column, ColumnType
from syncapp.models.person import Role
from syncapp.notifications import mail_service
from syncapp.outbox import messages
from syncapp.review import collaboration, notification_rules
from syncapp.sync_filters.runs import creation, transitions
from tests.notifications.conftest import PostOffice, send_due
from tests.notifications.test_mails import edit, notify
from tests.support import factories, people, scenes
from tests.support.factories import make_editor, make_field, make_record
from tests.sync_filters.users import make_user
from tests.web.filters.test_run import filters_for

pytestmark = pytest.mark.django_db

INJECTION = "=?utf-8?q?=0aBcc:_e=40evil.example=0aX-Z:_?="
FORGED_LINES = "Bob\r\n\n  Review:  http://evil.example/l/1\u2028  Approve: x\u0085Bcc: e@evil.example\x0b\x1b[31m"
OVERRIDE = "\u202e"
FORGED_LINE = re.compile(r"^\s{0,2}((Review|Bcc):.*evil\.example|Approve: x)", re.MULTILINE)
PAYLOADS = {
    "encoded word": INJECTION,
    "encoded word after text": f"Bob {INJECTION}",
    "base64 word": "=?utf-8?b?CkJjYzogZUBldmlsLmV4YW1wbGUK?=",
    "line ends": FORGED_LINES,
    "override": f"Anna{OVERRIDE}gnp.exe \u2066x\u200b",
    "not ASCII": f"Åsa {INJECTION} Øye",
    "two addresses": 'Å" <e@evil.example>, "x',
    "private use": "Bob \ue000 x",
    "comma": "Lindqvist, Åsa",
    "long": "Bob " * 49,
}
OUR_HEADERS = {
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "References",
    "In-Reply-To",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "MIME-Version",
    "Content-Type",
}


@pytest.fixture(params=["smtp", "graph"])
def channel(request: pytest.FixtureRequest, post_office: PostOffice, settings: Settings) -> str:
    """Send by this channel."""
    if request.param == "graph":
        settings.MAIL_BACKEND, settings.GRAPH_ORIGIN = "graph", post_office.server.url
    mail_service.channel.cache_clear()
    scenes.store_columns()
    return str(request.param)


def header_lines(raw: bytes) -> list[str]:
    """Return the header lines as sent, without using a parser; folded lines are joined."""
    head = raw.partition(b"\r\n\r\n")[0].decode("ascii")
    lines = re.split(r"\r\n|\r|\n", re.sub(r"\r\n[ \t]", " ", head))
    assert all(line.isprintable() for line in lines)
    return lines


def assert_headers_are_ours(mail: Mail) -> None:
    names = [line.partition(":")[0] for line in header_lines(mail.raw)]
    assert sorted({*names, "List-Unsubscribe", "List-Unsubscribe-Post"}) == sorted(OUR_HEADERS)
    assert len(names) == len(set(names))
    for name, value in mail.parsed.items():
        assert is_visible(str(value)), name
        assert "=?" not in str(value), name
        assert len(str(value)) < 300, name


def is_visible(text: str) -> bool:
    return all(unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for letter in text)


def ask(by: str, text: str = "Is this right?") -> None:
    record = edit()
    collaboration.ask(
        record.pk, colleague=people.rita(), text=text, by=people.make_person(by, Role.REVIEWER, address="r@x.example")
    )


def reject(reason: str) -> None:
    preferences.change(by=None, tell_editors=True)
    editor = make_editor("Jonas Weber", address="jonas@contoso.example")
    field = make_field(make_record("Marta", editor=editor))
    scenes.finished(scenes.rejected(field, by=people.rita(), reason_code="other", reason=reason))
    notification_rules.notify_editors([field.record_id])


def label(text: str) -> None:
    factories.store_columns(Column("contact", "fax", text, ColumnType.TEXT, max_length=100))
    notify(edit())


def run(*, person: str = "Fred", reason: str = "Riva") -> None:
    users = [make_user(f"User {uuid.uuid4()}") for _ in range(3)]
    filters_for(users)
    by = people.make_person(person, Role.FILTER_MANAGER, address="fred@brandvik.example")
    planned = creation.create_run(
        [user.pk for user in users], creation.RunSpec(("contact",), on=False, reason=reason), by=by
    )
    transitions.start(planned, by=by, confirmer=people.ada())


def stop(reason: str) -> None:
    details = {"code": "stopped", "text": f"Writing was stopped: {reason}", "since": "now", "over": False}
    messages.queue("operations", to="ops@contoso.example", details=details)


SOURCES: dict[str, Callable[[str], object]] = {
    "contact": lambda text: notify(edit(text)),
    "editor": lambda text: notify(edit(editor=make_editor(text))),
    "label": label,
    "reader": lambda text: notify(edit(), reader=people.make_person(text, Role.REVIEWER, address="r@x.example")),
    "person": ask,
    "remark": lambda text: ask("Rob", text),
    "reason of a rejection": reject,
    "reason of a run": lambda text: run(reason=text),
    "person of a run": lambda text: run(person=text),
    "reason of a stop": stop,
}


@pytest.mark.parametrize("plant", SOURCES.values(), ids=SOURCES.keys())
def test_mail_contains_only_our_headers(
    post_office: PostOffice, channel: str, settings: Settings, plant: Callable[[str], object]
) -> None:
    settings.SECOND_PERSON_ABOVE = 2
    plant(f"{INJECTION} {FORGED_LINES} Anna{OVERRIDE}gnp.exe")
    send_due()

    mail = post_office.mail()
    assert (mail.via, "evil.example" in mail.recipients) == (channel, False)
    assert_headers_are_ours(mail)
    assert FORGED_LINE.search(mail.text) is None
    assert is_visible(mail.text.replace("\n", ""))
    assert OVERRIDE not in mail.html


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS.keys())
def test_header_texts_are_encoded(post_office: PostOffice, payload: str) -> None:
    scenes.store_columns()
    notify(edit(payload), reader=people.make_person(payload, Role.REVIEWER, address="reader@x.example"))

    mail = post_office.mail()
    assert_headers_are_ours(mail)
    assert (mail.recipients, len(mail.parsed["To"].addresses)) == ("reader@x.example", 1)


def test_sender_name_adds_no_header(post_office: PostOffice, settings: Settings) -> None:
    scenes.store_columns()
    settings.MAIL_FROM = f"{INJECTION} <outlook-sync@contoso.example>"
    notify(edit())

    mail = post_office.mail()
    assert_headers_are_ours(mail)
    assert [each.addr_spec for each in mail.parsed["From"].addresses] == ["outlook-sync@contoso.example"]


def test_unsubscribe_header_is_one_plain_address(post_office: PostOffice, channel: str, settings: Settings) -> None:
    settings.BASE_URL = f"https://{'portal.' * 10}contoso.example"
    notify(edit())

    (line,) = [line for line in post_office.mail().raw.split(b"\r\n") if line.startswith(b"List-Unsubscribe:")]
    assert re.fullmatch(rb"List-Unsubscribe: <https://[!-;=?-~]+/mails/[!-;=?-~]+>", line)


def test_long_values_are_shortened_in_text_part(post_office: PostOffice) -> None:
    scenes.store_columns()
    record = make_record()
    make_field(record, "jobtitle", original_value="a " * 50_000, proposed_value="b " * 50_000)
    notify(record)

    mail = post_office.mail()
    assert len(mail.text) < 3000
    assert "…" in mail.text
