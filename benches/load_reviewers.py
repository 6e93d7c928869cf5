"""Simulated reviewers: over HTTP, each opens the list and an edit as a browser does, thinks, and approves it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import requests

from benches.figures import Spread
from tests.support.screen import Screen

LISTS = ("", "?order=newest", "?order=name", "?q=a", "?q=mar", "?tab=decided")
HTMX = {"HX-Request": "true"}
LONGEST_WAIT = 60.0
OPEN_AGAIN = 5
TAKEN, NOT_TAKEN = (200, 204, 303), 0


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; `status` is 0 if the connection broke or timed out."""

    kind: str
    status: int
    seconds: float
    begun: float


@dataclass(slots=True)
class Answers:
    """All answers of a period, and the edits whose approval was confirmed."""

    given: list[Answer] = field(default_factory=list)
    approved: list[str] = field(default_factory=list)

    def milliseconds(self, kind: str) -> Spread:
        """Return how long answers of this kind took."""
        return Spread.of(each.seconds * 1000 for each in self.given if each.kind == kind and each.status in TAKEN)

    def failed(self, kind: str = "") -> list[Answer]:
        """Return answers that show an error, and requests without an answer."""
        return [each for each in self.given if each.status not in TAKEN and kind in ("", each.kind)]


class Reviewer(threading.Thread):
    """A thread that acts as the browser of one reviewer."""

    def __init__(
        self, url: str, authority: Path, cookie: Mapping[str, str], edits: Iterator[str], *, thinking: float
    ) -> None:
        super().__init__(daemon=True)
        self.answers = Answers()
        self._url, self._edits, self._thinking = url, edits, thinking
        self._session = requests.Session()
        self._session.trust_env, self._session.verify = False, str(authority)
        self._session.cookies.set(**cookie)
        self._ends = threading.Event()
        self._random = random.Random(cookie["value"])

    def end(self) -> None:
        """Stop the reviewer after the current edit."""
        self._ends.set()

    def run(self) -> None:
        """Review until `end` is called or no edit is left."""
        self._ends.wait(self._random.uniform(0, self._thinking))  # so that not all begin at the same moment
        for edit in self._edits:
            if self._ends.is_set():
                return
            self._ask("list", "GET", f"/review/{self._random.choice(LISTS)}")
            for _ in range(OPEN_AGAIN):
                if self._approve(edit):
                    break

    def _approve(self, edit: str) -> bool:
        """Open an edit, think, approve it; return False if it has to be opened again."""
        page = self._ask("edit", "GET", f"/review/{edit}/", headers=HTMX)
        if page is None:
            return False
        screen = Screen(page)  # type: ignore[arg-type]  # has the members that it reads
        button = next((name for name in screen.buttons if name.startswith("do=approve")), None)
        if button is None:
            return True  # it was decided by a request whose answer got lost
        token = {"X-CSRFToken": screen.input("csrfmiddlewaretoken"), **HTMX}
        self._ask("live values", "POST", f"/review/{edit}/read-again", headers=token)
        self._ask("presence", "POST", f"/review/{edit}/presence", headers=token)
        self._ends.wait(self._random.uniform(0.5, 1.5) * self._thinking)
        self._ask("news", "GET", "/review/fresh", headers=HTMX)
        body = screen.form | {"do": [button.removeprefix("do=")]}
        answer = self._ask("approve", "POST", f"/review/{edit}/decide", data=body, headers=token)
        if answer is not None:
            self.answers.approved.append(edit)
        return answer is not None

    def _ask(self, kind: str, method: str, path: str, **options: object) -> requests.Response | None:
        """Send a request; return its answer, or None if it shows an error or does not arrive."""
        begun, status, answer = time.monotonic(), NOT_TAKEN, None
        headers = {"Referer": f"{self._url}/review/", **options.pop("headers", {})}  # type: ignore[dict-item]  # a dict
        try:
            answer = self._session.request(
                method, f"{self._url}{path}", headers=headers, timeout=LONGEST_WAIT, **options
            )  # type: ignore[arg-type]  # only `data`
            status = answer.status_code
        except requests.RequestException:
            pass
        self.answers.given.append(Answer(kind, status, time.monotonic() - begun, begun))
        return answer if status in TAKEN else None


def at_work(reviewers: Sequence[Reviewer], seconds: float, *, meanwhile: threading.Thread | None = None) -> Answers:
    """Run the reviewers for `seconds`, and the thread `meanwhile` at the same time; return all answers."""
    for thread in (*reviewers, *([meanwhile] if meanwhile else [])):
        thread.start()
    time.sleep(seconds)
    if meanwhile is not None:
        meanwhile.join()
    for reviewer in reviewers:
        reviewer.end()
    for reviewer in reviewers:
        reviewer.join()
    together = Answers()
    for reviewer in reviewers:
        together.given += reviewer.answers.given
        together.approved += reviewer.answers.approved
    return together
