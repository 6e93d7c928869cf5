"""A person with a browser of their own, without JavaScript, at the proxy's address."""

from __future__ import annotations

from pathlib import Path

import requests

from tests.support.screen import Screen


class Visitor:
    """A person who signed in through the company's sign-in service."""

    def __init__(self, url: str, authorities: Path, person: str) -> None:
        """`authorities` has the certificates of the proxy and of the CRM."""
        self._url = url
        self._session = requests.Session()
        self._session.trust_env, self._session.verify = False, str(authorities)
        self._sign_in(person)

    def _sign_in(self, person: str) -> None:
        chooser = self._session.get(f"{self._url}/sign-in/start", timeout=60)
        chooser.raise_for_status()
        fields = Screen(chooser).form  # type: ignore[arg-type]  # has the members that it reads
        address = chooser.url.partition("?")[0]
        answer = self._session.post(address, fields | {"person": [person]}, timeout=60)
        answer.raise_for_status()
        assert answer.url.startswith(self._url), answer.url

    def open(self, path: str) -> Screen:
        """Open a page. Raises HTTPError unless it is shown."""
        answer = self._session.get(f"{self._url}{path}", timeout=60)
        answer.raise_for_status()
        return Screen(answer)  # type: ignore[arg-type]  # has the members that it reads

    def approve(self, record: object) -> None:
        """Open an edit and approve all of it. Raises HTTPError if the approval is refused."""
        page = self.open(f"/review/{record}/")
        button = next(name for name in page.buttons if name.startswith("do=approve"))
        body = page.form | {"do": [button.removeprefix("do=")]}
        headers = {"Referer": f"{self._url}/review/{record}/"}
        address = f"{self._url}/review/{record}/decide"
        answer = self._session.post(address, body, headers=headers, timeout=60, allow_redirects=False)
        answer.raise_for_status()
        assert answer.status_code == 303, answer.status_code
