"""Personal data reaches neither logs nor Redis nor mail headers, even when requests fail."""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
import requests
from django.db.models import Max

from syncapp.models import Arrival, Person
from tests.faults.reviewer import Reviewer
from tests.journeys.stack import Proxies, Stack
from tests.journeys.story import Edit, Story, write_of
from tests.support.fault_proxy import When
from tests.support.people import rita

pytestmark = [pytest.mark.journey, pytest.mark.timeout(600)]

PROCESSES = ("web", "worker", "beat")
BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")


class Canaries:
    """Values that occur nowhere else; only the contact's name may be in the subject of a mail."""

    def __init__(self) -> None:
        mark = uuid.uuid4().hex[:10]
        self.name, self.title, self.address = f"Namebird{mark}", f"Titlebird{mark}", f"mailbird{mark}@brandvik.example"
        self.digits, self.corrected, self.reason = str(int(mark, 16)), f"Correctbird{mark}", f"Reasonbird{mark}"

    @property
    def all(self) -> set[str]:
        """Return all values."""
        return set(vars(self).values())

    def found_in(self, text: str) -> set[str]:
        """Return the values that a text contains."""
        flat = text.replace("%40", "@").casefold()
        return {canary for canary in self.all if canary.casefold() in flat}


def test_no_personal_data_reaches_logs_or_redis(story: Story, proxies: Proxies):
    canaries, reviewer = Canaries(), Reviewer(story.stack, rita())
    newest = Arrival.objects.aggregate(newest=Max("pk"))["newest"] or 0
    Person.objects.update(notified_until=newest)  # edits of earlier tests are not notified
    with recorded_redis(story.stack) as commands:
        edits = [edited(story, canaries) for _ in range(4)]
        mails = mails_about(story, canaries)
        refused, cut, unanswered, page_lost = edits
        reviewer.get(f"/review/?q={canaries.name}")
        reviewer.get(f"/review/{uuid.uuid4()}/?q={canaries.title}")
        story.world.faults(
            write_of(
                refused, status=400, message=f"The value {canaries.title} of {canaries.name} is refused.", times=1
            ),
            write_of(unanswered, hold="after_commit", times=1),
        )
        proxies.crm.cut_at(canaries.corrected.encode(), When.WITHIN_ANSWER)
        for edit in (refused, cut, unanswered):
            assert decided(reviewer, edit, canaries) == 303
        if proxies.database is not None:
            proxies.database.cut_at_commit(When.BEFORE_ARRIVAL, times=3)
        decided(reviewer, page_lost, canaries)
        story.wait(lambda: story.decisions_are_over([edit.contact for edit in edits[:3]]), "all is over", hurry=True)

    assert canaries.found_in(" ".join(mail["text"] for mail in mails)), "the mails do not mention the edit"
    headers = [{**mail["headers"], "Subject": ""} for mail in mails]
    assert not canaries.found_in(json.dumps(headers, ensure_ascii=False))
    assert canaries.found_in(" ".join(mail["subject"] for mail in mails)) <= {canaries.name}
    assert len(commands) > 10
    assert not canaries.found_in("\n".join(unwrapped(command) for command in commands))
    assert not {name: found for name, text in logs(story.stack).items() if (found := canaries.found_in(text))}


def edited(story: Story, canaries: Canaries) -> Edit:
    """Edit a contact with canary values in Outlook."""
    contact, _ = story.edited_in_outlook(jobtitle=canaries.title, telephone1=f"+47 {canaries.digits}")
    story.world.form(contact, lastname=canaries.name, emailaddress1=canaries.address)
    story.pull()
    return story.found(contact, canaries.title)


def decided(reviewer: Reviewer, edit: Edit, canaries: Canaries) -> int:
    """Correct the title, reject the phone number with a reason, and return the answer."""
    title, phone = edit.fields["jobtitle"].pk, edit.fields["telephone1"].pk
    typed = {f"mark.{title}": ["correct"], f"value.{title}": [canaries.corrected]}
    typed |= {f"mark.{phone}": ["reject"], f"code.{phone}": ["other"], f"text.{phone}": [canaries.reason]}
    return reviewer.send(edit, reviewer.form(edit) | {"do": ["marked"]} | typed).status


def mails_about(story: Story, canaries: Canaries) -> list[dict[str, Any]]:
    """Send the mails about new edits and return those that contain a canary."""

    def arrived() -> list[dict[str, Any]]:
        with requests.Session() as session:
            session.trust_env = False
            mails = session.get(f"{story.world.url}/mail/?format=json", timeout=10).json()
        return [mail for mail in mails if canaries.found_in(json.dumps(mail, ensure_ascii=False))]

    story.stack.send("tell")
    story.wait(arrived, "a mail about the edits arrives", hurry=True)
    return arrived()


@contextmanager
def recorded_redis(stack: Stack) -> Iterator[list[str]]:
    """Record the commands that reach Redis inside the context."""
    commands: list[str] = []
    with redis.Redis.from_url(stack.broker.url) as client, client.monitor() as monitor:
        is_over = threading.Event()

        def listen() -> None:
            while not is_over.is_set():
                commands.append(str(monitor.next_command()["command"]))

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield commands
        finally:
            is_over.set()  # seen with the next command, and a ticking portal sends some every second
            thread.join()


def unwrapped(command: str) -> str:
    """Return a command with its Base64 message bodies decoded."""
    parts = [command]
    for packed in BASE64.findall(command):
        try:
            parts.append(base64.b64decode(packed, validate=True).decode(errors="replace"))
        except binascii.Error:
            continue
    return "\n".join(parts)


def logs(stack: Stack) -> dict[str, str]:
    """Return the log of each process so far."""
    paths = [path for path in stack.folder.glob("*.log") if path.name.startswith(PROCESSES)]
    assert all(any(path.name.startswith(name) for path in paths) for name in PROCESSES)
    return {path.name: path.read_text(errors="replace") for path in paths}
