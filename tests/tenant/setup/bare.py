"""A CRM without anything of the portal, an administrator who sets it up, and a connection that can be cut."""

from __future__ import annotations

import threading
from io import BytesIO
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPResponse
from werkzeug.test import EnvironBuilder, run_wsgi_app

from dataverse_sandbox.app import Application
from dataverse_sandbox.server import SandboxServer
from syncapp.crm.auth.administrator import AdministratorToken
from syncapp.crm.names import Names
from syncapp.crm.transport import Transport
from syncapp.tenant.setup import plan, removal
from syncapp.tenant.setup.items import Environment, Item, Options, State

ADA = "Ada Brennan"
STAGING = Options()
# Columns of rows that differ between two set-ups that end the same.
_ACCIDENTAL = ("id", "on", "by", "versionnumber", "_value")


class _Direct(BaseAdapter):
    """Calls the sandbox in this thread instead of over a socket: a set-up sends a hundred requests."""

    def __init__(self, application: Application) -> None:
        super().__init__()
        self._application = application

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:  # type: ignore[override]
        """Return the application's answer."""
        path = urlsplit(str(request.url))
        sent = request.body or b""
        builder = EnvironBuilder(
            method=str(request.method),
            base_url=f"{path.scheme}://{path.netloc}",
            headers=dict(request.headers),
            input_stream=BytesIO(sent.encode() if isinstance(sent, str) else sent),
        )
        environ = {**builder.get_environ(), "RAW_URI": f"{path.path}?{path.query}", "PATH_INFO": unquote(path.path)}
        environ |= {"QUERY_STRING": path.query, "sandbox.cut": threading.Event()}
        body, status, headers = run_wsgi_app(self._application, environ)
        raw = HTTPResponse(BytesIO(b"".join(body)), list(headers), int(status.split()[0]), preload_content=False)
        return HTTPAdapter().build_response(request, raw)  # type: ignore[arg-type]  # the answer of a pool

    def close(self) -> None:
        """Do nothing: there is no connection."""


class CutLine(requests.Session):
    """A session that loses one write, before or after the CRM has it, and everything that follows."""

    def __init__(self, application: Application) -> None:
        super().__init__()
        self.trust_env = False
        self.mount("http://", _Direct(application))
        self.writes = 0
        self.cut_at = 0
        self.loses_answer = False
        self.is_cut = False

    def cut(self, write: int, *, loses_answer: bool) -> None:
        """Cut the connection at a write, counted from 1; 0 repairs it."""
        self.writes, self.cut_at, self.loses_answer, self.is_cut = 0, write, loses_answer, False

    def request(self, method: str, url: str, *args: Any, **options: Any) -> requests.Response:  # type: ignore[override]
        """Send, unless the connection is cut."""
        if self.is_cut:
            raise requests.ConnectionError("cut")
        # The set-up's batches only read.
        if method != "GET" and not url.endswith("$batch"):
            self.writes += 1
            self.is_cut = self.writes == self.cut_at
            if self.is_cut and not self.loses_answer:
                raise requests.ConnectionError("cut before the write")
        answer = super().request(method, url, *args, **options)
        if self.is_cut:
            answer.close()
            raise requests.ConnectionError("cut after the write")
        return answer


class Bare:
    """A sandbox without anything of the portal, and the set-up with Ada's token."""

    def __init__(self, server: SandboxServer) -> None:
        self.url = server.url
        self.api = f"{self.url}/api/data/v9.2/"
        self.names = Names()
        self.line = CutLine(server.application)
        self.said: list[str] = []
        self._tokens: dict[str, str] = {}
        self._plain = requests.Session()
        self._plain.mount("http://", _Direct(server.application))
        self.reset()

    def reset(self, *, bare: bool = True) -> None:
        """Start over without anything of the portal."""
        self.control("POST", "reset", {"users": 2, "contacts": 2, "pending": 0, "seed": 1, "bare": bare})

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Call the sandbox's own switches."""
        answer = self._plain.request(method, f"{self.url}/sandbox/{path}", json=body)
        answer.raise_for_status()
        return answer.json()

    def token(self, user: str = ADA) -> str:
        """Return an access token of a person."""
        if user not in self._tokens:
            self._tokens[user] = str(self.control("POST", "token", {"user": user})["access_token"])
        return self._tokens[user]

    def send(self, method: str, path: str, body: object = None, **headers: str) -> requests.Response:
        """Call the Web API as Ada, past the set-up."""
        signed = {"Authorization": f"Bearer {self.token()}", **headers}
        answer = self._plain.request(method, self.api + path, json=body, headers=signed)
        answer.raise_for_status()
        return answer

    def rows(self, path: str) -> list[dict[str, Any]]:
        """Return the rows of a list."""
        return list(self.send("GET", path).json()["value"])

    def environment(self, *, user: str = ADA) -> Environment:
        """Return the context of the set-up."""
        token = AdministratorToken(lambda: self.token(user))
        transport = Transport(origin=self.url, token_source=token, session=self.line)
        transport.sleep = lambda seconds: None  # type: ignore[method-assign]
        return Environment(transport, self.names)

    def plan(self, options: Options = STAGING) -> tuple[Item, ...]:
        """Return the plan."""
        return plan.make_plan(self.environment(), options)

    def apply(self, options: Options = STAGING, **wait: float) -> None:
        """Set everything up, as the command does."""
        environment = self.environment()
        plan.apply_plan(plan.make_plan(environment, options), self.said.append)
        plan.wait_for_keys(environment, self.said.append, poll_seconds=0.05, **wait)
        plan.publish(environment, options)

    def remove(self) -> removal.Removal:
        """Remove everything again."""
        found = removal.plan_removal(self.environment())
        removal.remove(found, self.said.append)
        return found

    def states(self, options: Options = STAGING) -> set[State]:
        """Return the states in the plan."""
        return {item.state for item in self.plan(options)}

    def everything(self) -> dict[str, Any]:
        """Return all definitions and customizations, without ids and times of rows."""
        expand = "Attributes,Keys,OneToManyRelationships,ManyToOneRelationships"
        definitions = self.rows(f"EntityDefinitions?$expand={expand}")
        sets = ("publishers", "solutions", "solutioncomponents", "roles", "webresourceset", "privileges")
        held = {name: sorted(map(_essence, self.rows(name)), key=str) for name in (*sets, "organizations")}
        pairs = self.rows("roles?$select=name&$expand=roleprivileges_association($select=name)")
        privileges = {role["name"]: sorted(one["name"] for one in role["roleprivileges_association"]) for role in pairs}
        by_name = {table["LogicalName"]: _sorted(table) for table in definitions}
        return {"definitions": by_name, **held, "privileges of roles": privileges}


def _sorted(table: dict[str, Any]) -> dict[str, Any]:
    """Return a definition with its privileges and relationships in a fixed order, without the ids of privileges."""
    privileges = sorted(one["Name"] for one in table["Privileges"])
    listed = {name: sorted(value, key=str) for name, value in table.items() if isinstance(value, list)}
    return {**table, **listed, "Privileges": privileges}


def _essence(row: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if not name.endswith(_ACCIDENTAL) and "@" not in name}
    # The id of a definition follows from its name; that of a row does not.
    is_definition = row.get("componenttype") in (1, 2, 10, 14)
    return {**kept, "objectid": row["objectid"] if is_definition else ""} if "objectid" in row else kept
