"""The one thing that the demo asks of its sandbox outside the Web API: to begin anew."""

from __future__ import annotations

import requests

from syncapp.crm.errors import ServerFault, Unreachable
from syncapp.crm.origins import Origin
from syncapp.crm.sessions import new_session

_PATIENCE = 20.0


def reset(origin: str, *, users: int) -> None:
    """Have the sandbox at `origin` replace all its data by those it begins with, and a company of so many people.

    ValueError unless it is on this machine; Unreachable or ServerFault when it does not do so.
    """
    if not Origin.parse(origin).is_loopback:
        raise ValueError("Only a sandbox on this machine can be reset.")
    try:
        with new_session() as session:
            answer = session.post(
                f"{origin}/sandbox/reset", json={"users": users}, timeout=_PATIENCE, allow_redirects=False
            )
    except requests.RequestException as error:
        raise Unreachable("The sandbox did not answer.", code="sandbox") from error
    if answer.status_code != 200:
        raise ServerFault("The sandbox did not reset itself.", status=answer.status_code, code="sandbox")
