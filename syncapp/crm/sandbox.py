"""The demo's requests to its sandbox outside the Web API: reset, list of people, and how edits are captured."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import requests

from syncapp.crm.auth.sign_in import Claims
from syncapp.crm.errors import ServerFault, Unreachable
from syncapp.crm.origins import Origin
from syncapp.crm.sessions import new_session

_TIMEOUT = 20.0


def reset(origin: str, *, users: int) -> None:
    """Reset the sandbox at `origin` to its initial data with `users` people.

    Raises ValueError unless it is on this machine, Unreachable or ServerFault when the reset fails.
    """
    _call(origin, "POST", "reset", json={"users": users})


def people(origin: str, *, tenant_id: UUID) -> list[Claims]:
    """Return the claims of all people who can sign in to the sandbox at `origin`.

    Raises ValueError unless it is on this machine, Unreachable or ServerFault when it does not answer.
    """
    found: list[dict[str, Any]] = _call(origin, "GET", "people").json()
    return [
        Claims(UUID(each["object_id"]), tenant_id, each["name"], each["address"], frozenset(each["roles"]))
        for each in found
    ]


def capture_by_audit(origin: str) -> None:
    """Prepare the sandbox for capture: plug-in off, contacts audited, Outlook edits signed. Raises `reset`'s errors."""
    _call(origin, "PUT", "plugin", json={"enabled": False})
    _call(origin, "PUT", "auditing", json={"enabled": True})
    _call(origin, "PUT", "synchronization", json={"signature": "signed"})


def capture_by_plugin(origin: str) -> None:
    """Switch the sandbox's plug-in on. Raises the errors of `reset`."""
    _call(origin, "PUT", "plugin", json={"enabled": True})


def _call(origin: str, method: str, name: str, **options: Any) -> requests.Response:
    if not Origin.parse(origin).is_loopback:
        raise ValueError("The sandbox has to be on this machine.")
    url = f"{origin}/sandbox/{name}"
    try:
        with new_session() as session:
            response = session.request(method, url, timeout=_TIMEOUT, allow_redirects=False, **options)
    except requests.RequestException as error:
        raise Unreachable("The sandbox did not answer.", code="sandbox") from error
    if response.status_code != 200:
        raise ServerFault(f"The sandbox refused {name}.", status=response.status_code, code="sandbox")
    return response
