"""/auditing/: the settings of auditing, and the latest audit entries in words."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup
from werkzeug.exceptions import BadRequest
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from dataverse_sandbox import auditing
from dataverse_sandbox.catalog import AUDIT
from dataverse_sandbox.control import Route
from dataverse_sandbox.pages.html import page, time_of
from dataverse_sandbox.store import Store

_SHOWN = 50


@dataclass(frozen=True)
class Delay:
    """A delay with a button."""

    name: str
    title: str
    words: str
    delay_seconds: float
    jitter_seconds: float


DELAYS = (
    Delay("none", "At once", "Entries can be read as soon as the change is saved.", 0, 0),
    Delay("short", "After 2 to 5 seconds", "Entries appear late, and not always in the order of the changes.", 2, 3),
    Delay("long", "After 20 to 60 seconds", "Entries appear very late, in no order.", 20, 40),
)
_INTRO = Markup(
    "<p>What the CRM’s own audit log records. The portal can read it to find what Outlook changed. Programs can set "
    "more with <code>PUT /sandbox/auditing</code>, and each table and column has a switch in its definition.</p>"
)
_NOW = Markup('<div class="told" role="status"><p><strong>Status:</strong> {}</p></div>')
_SWITCH = Markup(
    '<form method="post"><p><button name="enabled" value="{value}" class="quiet">{label}</button></p></form>'
)
_DELAYS = Markup('<h2>When entries can be read</h2><form method="post"><ul class="choose">{}</ul></form>')
_DELAY = Markup(
    '<li><div><strong>{title}</strong><span>{words}</span></div><button name="delay" value="{name}"{pressed} '
    'class="quiet">{label}</button></li>'
)
_FOUND = """
SELECT a.createdon, a.action, a.objecttypecode, u.fullname, c.fullname, d.changes, d.visible_at, o.fullname
FROM audit a JOIN audit_detail d ON d.auditid = a.auditid
LEFT JOIN systemuser u ON u.systemuserid = a.userid LEFT JOIN systemuser c ON c.systemuserid = a.callinguserid
LEFT JOIN contact o ON o.contactid = a.objectid ORDER BY a.versionnumber DESC LIMIT ?
"""
_LIST = Markup("<h2>Latest entries</h2><ol class='ledger'>{}</ol>")
_NONE = Markup(
    "<h2>Latest entries</h2><p>None yet. Entries appear here when a contact changes while auditing is on.</p>"
)
_ENTRY = Markup(
    '<li><p class="head"><strong>{who}</strong>{marks}<span class="muted">{at} UTC</span></p><ul><li>'
    '<span class="verb">{action}</span> <span>{table} {name}</span><ul class="columns">{changes}</ul></li></ul></li>'
)
_TAG = Markup('<span class="tag">{}</span>')
_CHANGE = Markup("<li><code>{}</code> {} → {}</li>")


class AuditingPage:
    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        return [("/auditing/", "GET", self.show), ("/auditing/", "POST", self.choose)]

    def show(self, _request: Request) -> Response:
        state = auditing.state(self._store)
        is_on = bool(state["enabled"])
        switch = _SWITCH.format(value="off" if is_on else "on", label=f"Switch auditing {'off' if is_on else 'on'}")
        delays = Markup("").join(_delay(delay, state) for delay in DELAYS)
        body = _INTRO + _NOW.format(_in_words(state)) + switch + _DELAYS.format(delays) + self._entries()
        return page("Auditing", body, below="/auditing/")

    def choose(self, request: Request) -> Response:
        """Switch auditing on or off, or choose one of the delays."""
        if "enabled" in request.form:
            auditing.switch(self._store, {"enabled": request.form["enabled"] == "on"})
            return redirect("/auditing/", 303)
        delay = {delay.name: delay for delay in DELAYS}.get(request.form.get("delay", ""))
        if delay is None:
            raise BadRequest("There is no such delay.")
        seconds = {"delay_seconds": delay.delay_seconds, "jitter_seconds": delay.jitter_seconds}
        auditing.switch(self._store, seconds)
        return redirect("/auditing/", 303)

    def _entries(self) -> Markup:
        with self._store.read() as connection:
            found = connection.execute(_FOUND, (_SHOWN,)).fetchall()
        return _LIST.format(Markup("").join(_entry(*row) for row in found)) if found else _NONE


def _in_words(state: Mapping[str, object]) -> str:
    """Describe the state of auditing."""
    kept = f"for {state['days_kept']} days" if int(str(state["days_kept"])) > 0 else "forever"
    on = "on for contacts" if state["enabled"] else "off"
    waiting = f", {state['waiting']} of them not readable yet" if state["waiting"] else ""
    return f"Auditing is {on}. Entries are kept {kept}. Written so far: {state['entries']}{waiting}."


def _delay(delay: Delay, state: Mapping[str, object]) -> Markup:
    is_set = (state["delay_seconds"], state["jitter_seconds"]) == (delay.delay_seconds, delay.jitter_seconds)
    return _DELAY.format(
        name=delay.name,
        title=delay.title,
        words=delay.words,
        pressed=Markup(' aria-pressed="true"') if is_set else "",
        label="In force" if is_set else "Choose",
    )


def _entry(
    at: str,
    action: int,
    table: str,
    who: str | None,
    caller: str | None,
    changes: str,
    visible_at: float | None,
    name: str | None,
) -> Markup:
    marks = [*([f"through {caller}"] if caller else [])]
    marks += ["not readable yet"] if (visible_at or 0) > time.time() else []
    pairs = json.loads(changes).items()
    return _ENTRY.format(
        who=who or "someone unknown",
        marks=Markup("").join(_TAG.format(mark) for mark in marks),
        at=time_of(at),
        action=AUDIT.by_name["action"].label_of(action),
        table=table,
        name=name or "",
        changes=Markup("").join(_CHANGE.format(column, _shown(old), _shown(new)) for column, (old, new) in pairs),
    )


def _shown(value: object) -> str:
    text = "empty" if value is None else str(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
