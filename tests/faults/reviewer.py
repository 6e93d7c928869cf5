"""Reviewers who use the running web processes over HTTP."""

from __future__ import annotations

import time
from dataclasses import dataclass

import requests
from django.conf import settings

from syncapp.models import Person
from tests.journeys.stack import Stack
from tests.journeys.story import APPROVED, REJECTED, Edit
from tests.support.people import browser
from tests.support.screen import Screen

LONGEST_WAIT = 60.0
FORM = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a submit; `status` is 0 where the connection broke or timed out."""

    status: int
    seconds: float


class Reviewer:
    """A person signed in with a browser of their own, without JavaScript."""

    def __init__(self, stack: Stack, person: Person) -> None:
        self._stack = stack
        self._session = requests.Session()
        self._session.trust_env = False
        # As a proxy in front does, because the server could close a kept-alive connection as the next request leaves.
        self._session.headers["Connection"] = "close"
        cookie = browser(person).cookies[settings.SESSION_COOKIE_NAME]
        self._session.cookies.set(settings.SESSION_COOKIE_NAME, cookie.value)

    @property
    def _url(self) -> str:
        assert self._stack.web is not None
        return self._stack.web.url

    def get(self, path: str) -> requests.Response:
        """Open a page."""
        return self._session.get(f"{self._url}{path}", timeout=LONGEST_WAIT)

    def page(self, edit: Edit) -> Screen | None:
        """Open the record's page; return None where it cannot be shown."""
        try:
            answer = self.get(f"/review/{edit.record}/")
        except requests.RequestException:
            return None
        return Screen(answer) if answer.ok else None  # type: ignore[arg-type]  # has the two members that it reads

    def form(self, edit: Edit) -> FORM:
        """Open the record's page and return the values of its form."""
        page = self.page(edit)
        assert page is not None, "the page is not shown"
        return page.form

    def decide_until_shown(self, edit: Edit, answers: list[Answer]) -> bool:
        """Open the page and decide open fields; return whether it shows that all are decided.

        Add to `answers` what a submit was answered, or a page that was not shown.
        """
        started = time.monotonic()
        page = self.page(edit)
        if page is None:
            answers.append(Answer(0, time.monotonic() - started))
            return False
        if not any(tag.get("name") == f"tick.{edit.fields[APPROVED].pk}" for _, tag in page.tags):
            return True
        answers.append(self.submit(edit, page.form))
        return False

    def submit(self, edit: Edit, form: FORM, *, approve: str = APPROVED, reject: str = REJECTED) -> Answer:
        """Approve one field and reject the other with a form opened before."""
        marked = {f"tick.{edit.fields[approve].pk}": ["1"], f"mark.{edit.fields[reject].pk}": ["reject"]}
        return self.send(edit, form | {"do": ["marked"]} | marked)

    def send(self, edit: Edit, filled: FORM) -> Answer:
        """Submit the form of a record's page with these values."""
        started = time.monotonic()
        address = f"{self._url}/review/{edit.record}/decide"
        try:
            answer = self._session.post(address, filled, timeout=LONGEST_WAIT, allow_redirects=False)
        except requests.RequestException:
            return Answer(0, time.monotonic() - started)
        return Answer(answer.status_code, time.monotonic() - started)

    def decide(self, edit: Edit) -> Answer:
        """Open the record's page, approve one field and reject the other."""
        return self.submit(edit, self.form(edit))
