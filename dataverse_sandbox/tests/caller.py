"""The HTTP client of the sandbox's tests: a session with a token, the control pages, and a batch writer."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

from dataverse_sandbox import config
from dataverse_sandbox.server import SandboxServer

ALL_ANNOTATIONS = {"Prefer": 'odata.include-annotations="*"'}


def plain_session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session


@dataclass
class Sandbox:
    """A running sandbox and a caller of its Web API, by default the portal's application user."""

    server: SandboxServer
    session: requests.Session = field(default_factory=plain_session)

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def api(self) -> str:
        return f"{self.url}/api/data/v9.2/"

    @property
    def token_url(self) -> str:
        return f"{self.url}/{config.TENANT}/oauth2/v2.0/token"

    def ask_for_token(self, secret: str = config.CLIENT_SECRET) -> requests.Response:
        form = {
            "grant_type": "client_credentials",
            "client_id": config.CLIENT_ID,
            "client_secret": secret,
            "scope": f"{self.url}/.default",
        }
        return self.session.post(self.token_url, data=form)

    def sign_in(self) -> Sandbox:
        self.session.headers["Authorization"] = f"Bearer {self.ask_for_token().json()['access_token']}"
        return self

    def as_user(self, name: str) -> Sandbox:
        """Return the same sandbox, called by a person."""
        other = Sandbox(self.server)
        token = self.control("POST", "token", {"user": name})["access_token"]
        other.session.headers["Authorization"] = f"Bearer {token}"
        return other

    def user_id(self, name: str) -> str:
        return str(self.rows(f"systemusers?$select=systemuserid&$filter=fullname eq '{name}'")[0]["systemuserid"])

    def give_roles(self, name: str, *roles: str) -> None:
        self.control("PUT", "roles", {"user": name, "roles": list(roles)})

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.session.get(path if path.startswith("http") else self.api + path, headers=_dashed(headers))

    def post(self, path: str, body: object, **headers: str) -> requests.Response:
        return self.session.post(self.api + path, json=body, headers=_dashed(headers))

    def patch(self, path: str, body: object, **headers: str) -> requests.Response:
        return self.session.patch(self.api + path, json=body, headers=_dashed(headers))

    def put(self, path: str, body: object, **headers: str) -> requests.Response:
        return self.session.put(self.api + path, json=body, headers=_dashed(headers))

    def delete(self, path: str, **headers: str) -> requests.Response:
        return self.session.delete(self.api + path, headers=_dashed(headers))

    def rows(self, path: str) -> Any:
        response = self.get(path)
        assert response.status_code == 200, response.text
        return response.json()["value"]

    def contact(self, number: int = 0) -> Any:
        return self.rows("contacts")[number]

    def read(self, contact_id: str) -> Any:
        return self.get(f"contacts({contact_id})").json()

    def control(self, method: str, path: str, body: object = None) -> Any:
        response = self.session.request(method, f"{self.url}/sandbox/{path}", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    def reset(self, **world: object) -> Any:
        return self.control("POST", "reset", {"users": 2, "contacts": 3, "pending": 0, "seed": 1, **world})

    def edit(self, contact_id: str, user: str = "Jonas Weber", **changes: object) -> Any:
        return self.control("POST", "outlook", {"user": user, "contact": contact_id, "changes": changes})

    def ledger(self, since: int = 0) -> Any:
        return self.control("GET", f"ledger?since={since}")

    def fault(self, **rule: object) -> None:
        self.control("PUT", "faults", {"rules": [rule]})

    def held(self) -> Any:
        return self.control("GET", "faults")["held"]

    def batch(self, *items: str | list[str], newline: str = "\r\n", **headers: str) -> requests.Response:
        body = batch_body(*items, newline=newline)
        kind = {"Content-Type": 'multipart/mixed; boundary="batch_1"'}
        return self.session.post(self.api + "$batch", data=body.encode(), headers={**kind, **_dashed(headers)})


def _dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def request_text(method: str, target: str, body: object = None, **headers: str) -> str:
    """Return one request of a batch, starting with its request line."""
    lines = [f"{method} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in _dashed(headers).items()]
    if body is not None:
        lines += ["Content-Type: application/json; type=entry", "", json.dumps(body)]
    return "\n".join([*lines, "", ""])


def batch_body(*items: str | list[str], newline: str = "\r\n") -> str:
    """Return a batch: a string is a request, a list of strings a change set; Content-IDs count from 1."""
    head = "Content-Type: application/http\nContent-Transfer-Encoding: binary\n"
    lines: list[str] = []
    for item in items:
        lines.append("--batch_1")
        if isinstance(item, str):
            lines.append(f"{head}\n{item}")
            continue
        lines.append('Content-Type: multipart/mixed; boundary="changeset_1"\n')
        for number, inner in enumerate(item, start=1):
            lines.append(f"--changeset_1\n{head}Content-ID: {number}\n\n{inner}")
        lines.append("--changeset_1--\n")
    lines.append("--batch_1--\n")
    return "\n".join(lines).replace("\n", newline)


def statuses(response: requests.Response) -> list[int]:
    """Return the status of every request inside a batch's answer, in order."""
    return [int(line.split()[1]) for line in response.text.splitlines() if line.startswith("HTTP/1.1 ")]


def bodies(response: requests.Response) -> list[dict[str, Any]]:
    """Return the JSON bodies inside a batch's answer."""
    return [json.loads(line) for line in response.text.splitlines() if line.startswith("{")]


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        time.sleep(0.01)


class InBackground:
    """A call in another thread; `result()` waits for it and returns its result or raises its exception."""

    def __init__(self, call: Callable[[], requests.Response]) -> None:
        self._outcome: list[requests.Response | Exception] = []
        self._thread = threading.Thread(target=self._run, args=(call,), daemon=True)
        self._thread.start()

    def _run(self, call: Callable[[], requests.Response]) -> None:
        try:
            self._outcome.append(call())
        except requests.RequestException as error:
            self._outcome.append(error)

    @property
    def is_done(self) -> bool:
        return bool(self._outcome)

    def result(self) -> requests.Response:
        self._thread.join(timeout=10)
        outcome = self._outcome[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome
