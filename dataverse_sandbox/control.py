"""The sandbox's own switches below /sandbox/: ledger, faults, plug-in, reset, and actions of other people in the CRM.

Everything that writes goes through the same path as the Web API, so versions, ETags and the ledger hold.
"""

from __future__ import annotations

import datetime
import json
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields as dataclass_fields

from werkzeug.wrappers import Request, Response

from dataverse_sandbox import (
    actions,
    auditing,
    config,
    errors,
    key_indexes,
    ledger,
    plugin,
    privileges,
    seed,
    writers,
)
from dataverse_sandbox.config import DEMO_WORLD, World
from dataverse_sandbox.faults import Faults
from dataverse_sandbox.identity import clients, grants
from dataverse_sandbox.identity.tokens import Tokens
from dataverse_sandbox.mail.mailbox import Mailbox
from dataverse_sandbox.store import Store

Route = tuple[str, str, Callable[..., Response]]


def json_response(body: object, status: int = 200) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), status=status, content_type="application/json")


class Control:
    def __init__(self, store: Store, faults: Faults, tokens: Tokens) -> None:
        self._store, self._faults, self._tokens = store, faults, tokens

    def routes(self) -> list[Route]:
        return [
            ("/sandbox/ledger", "GET", self.ledger),
            ("/sandbox/faults", "GET", self.faults),
            ("/sandbox/faults", "PUT", self.put_faults),
            ("/sandbox/faults", "DELETE", self.clear_faults),
            ("/sandbox/plugin", "GET", self.plugin),
            ("/sandbox/plugin", "PUT", self.put_plugin),
            ("/sandbox/keys", "PUT", self.put_keys),
            ("/sandbox/auditing", "GET", self.auditing),
            ("/sandbox/auditing", "PUT", self.put_auditing),
            ("/sandbox/auditing", "DELETE", self.delete_audits),
            ("/sandbox/expire", "POST", self.expire),
            ("/sandbox/reset", "POST", self.reset),
            ("/sandbox/people", "GET", self.people),
            ("/sandbox/token", "POST", self.token),
            ("/sandbox/roles", "PUT", self.put_roles),
            ("/sandbox/privileges", "GET", self.privileges),
            ("/sandbox/privileges", "PUT", self.put_privileges),
            ("/sandbox/credentials", "PUT", self.put_credentials),
            ("/sandbox/app-roles", "PUT", self.put_app_roles),
            ("/sandbox/outlook", "POST", self.outlook),
            ("/sandbox/form", "POST", self.form),
            ("/sandbox/write", "POST", self.write),
            ("/sandbox/import", "POST", self.import_contacts),
            ("/sandbox/synchronization", "GET", self.synchronization),
            ("/sandbox/synchronization", "PUT", self.put_synchronization),
            ("/sandbox/delete", "POST", self.delete),
            ("/sandbox/decide", "POST", self.decide),
            ("/healthz", "GET", self.health),
        ]

    def health(self, _request: Request) -> Response:
        return json_response({"status": "ok"})

    def ledger(self, request: Request) -> Response:
        """List committed writes after `since`, oldest first."""
        since = request.args.get("since", 0, type=int)
        return json_response(ledger.entries(self._store, since=since))

    def faults(self, _request: Request) -> Response:
        return json_response(self._faults.state())

    def put_faults(self, request: Request) -> Response:
        try:
            self._faults.put(_body(request))
        except ValueError as error:
            raise errors.bad_payload(str(error)) from None
        return json_response(self._faults.state())

    def clear_faults(self, request: Request) -> Response:
        """Remove all faults; `?held=drop` closes held connections instead of continuing them."""
        self._faults.clear(drop=request.args.get("held") == "drop")
        return json_response(self._faults.state())

    def plugin(self, _request: Request) -> Response:
        with self._store.read() as connection:
            return json_response({"enabled": plugin.is_enabled(connection)})

    def put_plugin(self, request: Request) -> Response:
        enabled = _body(request).get("enabled")
        if not isinstance(enabled, bool):
            raise errors.bad_payload('The body is {"enabled": true} or {"enabled": false}.')
        plugin.switch(self._store, enabled=enabled)
        return json_response({"enabled": enabled})

    def put_keys(self, request: Request) -> Response:
        """Delay the index of each later alternate key: `{"seconds": 30}`, or forever: `{"fails": true}`."""
        body = _body(request)
        seconds = math.inf if body.get("fails") is True else body.get("seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
            raise errors.bad_payload('The body is {"seconds": 30} or {"fails": true}.')
        key_indexes.set_delay(self._store, seconds)
        return json_response(body)

    def auditing(self, _request: Request) -> Response:
        return json_response(auditing.state(self._store))

    def put_auditing(self, request: Request) -> Response:
        """Switch auditing of the organization and of contacts, its delay, and more: the keys of `auditing.SWITCHES`."""
        try:
            auditing.switch(self._store, _body(request))
        except ValueError as error:
            raise errors.bad_payload(str(error)) from None
        return self.auditing(request)

    def delete_audits(self, request: Request) -> Response:
        """Delete the audit entries before a moment: `?before=2026-11-20T12:00:00Z`."""
        moment = _moment(request.args.get("before") or "nothing")
        return json_response({"deleted": auditing.delete_before(self._store, f"{moment:%Y-%m-%dT%H:%M:%SZ}")})

    def expire(self, request: Request) -> Response:
        """Expire all `{"delta_tokens": true, "access_tokens": true}` issued so far."""
        body = _body(request)
        if set(body) - {"delta_tokens", "access_tokens"}:
            raise errors.bad_payload('The body has "delta_tokens" and "access_tokens".')
        if body.get("delta_tokens"):
            self._store.execute("UPDATE context SET epoch = epoch + 1")
        if body.get("access_tokens"):
            self._tokens.expire_all()
        return json_response({})

    def reset(self, request: Request) -> Response:
        """Reset to `{"users", "contacts", "pending", "seed", "base", "bare"}`, without faults or mails, plug-in on."""
        body = _body(request)
        base, bare = body.pop("base", None), body.pop("bare", False)
        if not isinstance(bare, bool):
            raise errors.bad_payload('"bare" is true or false.')
        self._faults.clear(drop=True)
        Mailbox(self._store).empty()
        clients.reset(self._store)
        grants.put_app_roles(self._store, {})
        counts = seed.reset(self._store, _world(body), base=_moment(base), bare=bare)
        return json_response(counts)

    def people(self, _request: Request) -> Response:
        """List the people who can sign in, with the ids that tests need."""
        return json_response([_person(person) for person in (*config.PEOPLE, config.EDITOR)])

    def token(self, request: Request) -> Response:
        """Issue an access token for a user, so that a test can call the Web API as them."""
        user = actions.user(self._store, _text(_body(request), "user"))
        return json_response({"access_token": self._tokens.issue(user.id), "user": user.id})

    def put_roles(self, request: Request) -> Response:
        """Set a user's security roles: `{"user", "roles": [names]}`."""
        body = _body(request)
        return json_response(actions.give_roles(self._store, _text(body, "user"), _names(body, "roles")))

    def privileges(self, _request: Request) -> Response:
        return json_response({"without": privileges.missing(self._store)})

    def put_privileges(self, request: Request) -> Response:
        """Revoke privileges of the application user: `{"without": [names]}`; an empty list restores all."""
        privileges.take_away(self._store, _names(_body(request), "without"))
        return self.privileges(request)

    def put_credentials(self, request: Request) -> Response:
        """Replace the application's secrets and certificates: `{"secrets": {value: end or null}, "certificates"}`."""
        try:
            clients.put(self._store, _body(request))
        except ValueError as error:
            raise errors.bad_payload(str(error)) from None
        return json_response({"certificates": len(clients.registered(self._store).certificates)})

    def put_app_roles(self, request: Request) -> Response:
        """Assign app roles of the registration: `{person: [values]}`; others keep the published ones."""
        try:
            grants.put_app_roles(self._store, _body(request))
        except ValueError as error:
            raise errors.bad_payload(str(error)) from None
        return json_response({})

    def outlook(self, request: Request) -> Response:
        """Edit a contact as Outlook does, without a revision: `{"user", "contact", "changes"}`."""
        body = _body(request)
        done = writers.save_from_outlook(
            self._store, _text(body, "user", "Jonas Weber"), _text(body, "contact"), _changes(body)
        )
        return json_response(done)

    def form(self, request: Request) -> Response:
        """Edit a contact as a CRM form does, raising its revision: `{"user", "contact", "changes"}`."""
        body = _body(request)
        done = actions.edit_by_form(
            self._store, _text(body, "user", "Jonas Weber"), _text(body, "contact"), _changes(body)
        )
        return json_response(done)

    def write(self, request: Request) -> Response:
        """Change a contact as one of `writers.WRITERS`: `{"writer", "contact", "changes", "user"}`."""
        body = _body(request)
        user, contact = _text(body, "user", "Jonas Weber"), _text(body, "contact")
        return json_response(writers.write(self._store, _text(body, "writer"), user, contact, _changes(body)))

    def import_contacts(self, request: Request) -> Response:
        """Give many contacts the same values: `{"changes", "count", "user"}`; return their number."""
        body = _body(request)
        count = body.get("count", sys.maxsize)
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise errors.bad_payload('"count" is a number.')
        user = _text(body, "user", "Jonas Weber")
        return json_response({"contacts": writers.import_contacts(self._store, user, _changes(body), count=count)})

    def synchronization(self, _request: Request) -> Response:
        return json_response({"signature": writers.signature(self._store)})

    def put_synchronization(self, request: Request) -> Response:
        """Choose how Outlook's changes are signed: `{"signature": "signed"}`, "unsigned" or "add-in"."""
        writers.sign(self._store, _text(_body(request), "signature"))
        return self.synchronization(request)

    def delete(self, request: Request) -> Response:
        """Delete a row in the CRM: `{"user", "table", "id"}` or `{"user", "contact"}`."""
        body = _body(request)
        row_id = _text(body, "id", str(body.get("contact") or ""))
        user = _text(body, "user", "Jonas Weber")
        return json_response(actions.delete(self._store, user, _text(body, "table", "contact"), row_id))

    def decide(self, request: Request) -> Response:
        """Decide a SyncField in the CRM: `{"user", "field", "decision", "reason"}`."""
        body = _body(request)
        done = actions.decide(
            self._store,
            _text(body, "user", "Jonas Weber"),
            _text(body, "field"),
            _text(body, "decision"),
            str(body.get("reason") or ""),
        )
        return json_response(done)


def _body(request: Request) -> dict[str, object]:
    try:
        body = json.loads(request.get_data() or b"{}")
    except ValueError:
        raise errors.bad_payload("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise errors.bad_payload("The body is not a JSON object.")
    return body


def _text(body: Mapping[str, object], name: str, default: str = "") -> str:
    found = body.get(name) or default
    if not isinstance(found, str) or not found:
        raise errors.bad_payload(f'"{name}" is missing.')
    return found


def _names(body: Mapping[str, object], key: str) -> list[str]:
    found = body.get(key)
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise errors.bad_payload(f'"{key}" is a list of names.')
    return found


def _changes(body: Mapping[str, object]) -> dict[str, object]:
    found = body.get("changes")
    if not isinstance(found, dict):
        raise errors.bad_payload('"changes" is missing.')
    return found


def _world(body: Mapping[str, object]) -> World:
    """Read the options of a reset."""
    known = {field.name for field in dataclass_fields(World)}
    if set(body) - known:
        raise errors.bad_payload(f"Known are {sorted(known)}, base and bare.")
    numbers: dict[str, int] = {}
    for name, value in body.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise errors.bad_payload(f'"{name}" is a number.')
        numbers[name] = value
    return World(**{**vars(DEMO_WORLD), **numbers})


def _moment(base: object) -> datetime.datetime | None:
    if base is None:
        return None
    try:
        return datetime.datetime.fromisoformat(str(base)).astimezone(datetime.UTC)
    except ValueError:
        raise errors.bad_payload(f"'{base}' is not a moment.") from None


def _person(person: config.Person) -> dict[str, object]:
    return {
        "name": person.name,
        "address": person.address,
        "roles": list(person.roles),
        "object_id": person.object_id,
        "user_id": person.user_id,
    }
