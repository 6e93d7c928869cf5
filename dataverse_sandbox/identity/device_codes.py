"""The device authorization grant (RFC 8628): a code that a person types on another device, and the polling for it."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import asdict, dataclass, replace

from dataverse_sandbox.identity.grants import Grant, GrantRefused
from dataverse_sandbox.store import Store

SECONDS = 900
INTERVAL = 1
_KEY = "device "
# Without letters that look like digits.
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_BY_USER_CODE = """
SELECT code, details FROM sign_in_code WHERE code LIKE 'device %' AND json_extract(details, '$.user_code') = ?
AND expires_at > ?
"""


@dataclass(frozen=True)
class DeviceCode:
    """A pending sign-in; `person` is '' until a person answers, and None if they declined."""

    code: str
    user_code: str
    client_id: str
    scope: str
    person: str | None = ""


def make(store: Store, *, client_id: str, scope: str) -> DeviceCode:
    user_code = "".join(secrets.choice(_LETTERS) for _ in range(8))
    made = DeviceCode(secrets.token_urlsafe(48), user_code, client_id, scope)
    store.execute(
        "INSERT INTO sign_in_code (code, details, expires_at) VALUES (?, ?, ?)",
        (_KEY + made.code, json.dumps(asdict(made)), time.time() + SECONDS),
    )
    return made


def answer(store: Store, user_code: str, person: str | None) -> bool:
    """Store who signed in, or None for a refusal; return False for an unknown or expired code."""
    found = store.fetch(_BY_USER_CODE, (user_code.strip().upper().replace("-", ""), time.time()))
    if found is None:
        return False
    waiting = replace(DeviceCode(**json.loads(found[1])), person=person)
    store.execute("UPDATE sign_in_code SET details = ? WHERE code = ?", (json.dumps(asdict(waiting)), found[0]))
    return True


def redeem(store: Store, code: str, *, client_id: str) -> Grant:
    """Return the grant once a person has answered. Raises GrantRefused, with `authorization_pending` until then."""
    found = store.fetch("SELECT details, expires_at FROM sign_in_code WHERE code = ?", (_KEY + code,))
    waiting = DeviceCode(**json.loads(found[0])) if found else None
    if found is None or waiting is None or waiting.client_id != client_id:
        raise GrantRefused("bad_verification_code", 70019, "The verification code is unknown.")
    if float(found[1]) < time.time():
        raise GrantRefused("expired_token", 70020, "The device code has expired.")
    if waiting.person == "":
        raise GrantRefused("authorization_pending", 70016, "The authorization is pending. Continue polling.")
    store.execute("DELETE FROM sign_in_code WHERE code = ?", (_KEY + code,))
    if waiting.person is None:
        raise GrantRefused("authorization_declined", 70000, "The person declined.")
    return Grant(waiting.person, "", waiting.scope, nonce="", challenge="", client_id=client_id)
