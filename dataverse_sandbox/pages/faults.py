"""/faults/: buttons that make the CRM slow, busy or unreachable, and the faults in force in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from markupsafe import Markup
from werkzeug.exceptions import BadRequest
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from dataverse_sandbox import plugin
from dataverse_sandbox.control import Route
from dataverse_sandbox.faults import Faults
from dataverse_sandbox.pages.html import page
from dataverse_sandbox.store import Store

_NO_STATE: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True)
class Preset:
    """A fault with a button; `state` is the body for PUT /sandbox/faults."""

    name: str
    title: str
    words: str
    state: Mapping[str, object] = field(default_factory=lambda: _NO_STATE)


PRESETS = (
    Preset(
        "slow",
        "The CRM is slow",
        "Every answer is two seconds late.",
        {"latency_ms": 2_000},
    ),
    Preset(
        "down",
        "The CRM is down",
        "Every Web API request fails with 503. The portal must deliver decisions later, exactly once.",
        {"rules": [{"status": 503}]},
    ),
    Preset(
        "busy",
        "The CRM is busy",
        "The next 20 requests fail with 429 and ask to retry after 10 seconds.",
        {"rules": [{"status": 429, "retry_after": 10, "times": 20}]},
    ),
    Preset(
        "lost",
        "An answer is lost",
        "The next batch is executed, but the connection is cut before the answer. Nothing may be written twice.",
        {"rules": [{"path": "$batch", "cut": "after_commit", "times": 1}]},
    ),
    Preset(
        "secret",
        "The secret is refused",
        "No client gets a token for the Web API, as if the client secret had expired.",
        {"credentials_refused": True},
    ),
    Preset(
        "limits",
        "Published limits",
        "6,000 requests and 1,200 seconds of execution in 300 seconds, 52 at once, as in the real service.",
        {"limits": {"requests": 6_000}},
    ),
)
_INTRO = Markup(
    "<p>Simulate the real service on a bad day. A new choice replaces the previous one. Programs can set more details "
    "with <code>PUT /sandbox/faults</code>.</p>"
)
_NOW = Markup('<div class="told" role="status"><p><strong>Status:</strong></p><ul>{lines}</ul></div>')
_PRESET = Markup(
    '<li><div><strong>{title}</strong><span>{words}</span></div><button name="trouble" value="{name}"{pressed} '
    'class="quiet">{label}</button></li>'
)
_FORM = Markup(
    '<form method="post"><ul class="choose">{items}</ul>'
    '<div class="actions"><button name="trouble" value="none">End all faults</button></div></form>'
)
_PLUGIN = Markup(
    '<h2>The company’s plug-in</h2><form method="post"><p>{words}</p>'
    '<button name="plugin" value="{value}" class="quiet">{label}</button></form>'
)
_DETAILS = Markup("<details><summary>As JSON</summary><pre>{}</pre></details>")


class FaultsPage:
    def __init__(self, store: Store, faults: Faults) -> None:
        self._store, self._faults = store, faults

    def routes(self) -> list[Route]:
        return [("/faults/", "GET", self.faults), ("/faults/", "POST", self.choose)]

    def faults(self, _request: Request) -> Response:
        state = self._faults.state()
        lines = Markup("").join(Markup("<li>{}</li>").format(line) for line in in_words(state))
        items = Markup("").join(_item(preset, state) for preset in PRESETS)
        body = _INTRO + _NOW.format(lines=lines) + _FORM.format(items=items) + self._plugin()
        return page("Faults and limits", body + _DETAILS.format(json.dumps(state, indent=1)), below="/faults/")

    def choose(self, request: Request) -> Response:
        """Set one of the faults, `none`, or switch the plug-in on or off."""
        if "plugin" in request.form:
            plugin.switch(self._store, enabled=request.form["plugin"] == "on")
        else:
            self._set(request.form.get("trouble", ""))
        return redirect("/faults/", 303)

    def _set(self, name: str) -> None:
        states = {"none": _NO_STATE, **{preset.name: preset.state for preset in PRESETS}}
        if name not in states:
            raise BadRequest(f"There is no fault named '{name[:40]}'.")
        self._faults.put(states[name])

    def _plugin(self) -> Markup:
        with self._store.read() as connection:
            is_on, has_tables = plugin.is_enabled(connection), plugin.has_tables()
        words = (
            "On: an Outlook edit is staged for review, and the contact keeps its values."
            if is_on
            else "Off: an Outlook edit changes the contact at once, and nothing is staged."
        )
        if not has_tables:
            words = "This environment has no staging tables: an Outlook edit changes the contact at once."
        return _PLUGIN.format(words=words, value="off" if is_on else "on", label=f"Switch {'off' if is_on else 'on'}")


def _item(preset: Preset, state: Mapping[str, object]) -> Markup:
    is_set = _is_in_force(preset, state)
    return _PRESET.format(
        name=preset.name,
        title=preset.title,
        words=preset.words,
        pressed=Markup(' aria-pressed="true"') if is_set else "",
        label="In force" if is_set else "Start",
    )


def _is_in_force(preset: Preset, state: Mapping[str, object]) -> bool:
    """Return whether exactly this fault is set, regardless of its count."""
    probe = Faults()
    probe.put(preset.state)
    return _as_ordered(probe.state()) == _as_ordered(state)


def _as_ordered(state: Mapping[str, object]) -> dict[str, object]:
    rules = state["rules"]
    listed = [{k: v for k, v in rule.items() if k not in ("fired", "held")} for rule in rules]  # type: ignore[attr-defined]  # a list of rules
    return {**state, "rules": listed, "usage": None, "operations": None, "held": None}


def in_words(state: Mapping[str, object]) -> list[str]:
    """Describe the faults in force, one sentence each."""
    sentences = [
        *([f"Every answer is {state['latency_ms']:g} ms late."] if state["latency_ms"] else []),
        *(["No client gets a token for the Web API."] if state["credentials_refused"] else []),
        *([_limits(state["limits"])] if state["limits"] else []),
        *[_rule(rule) for rule in state["rules"]],  # type: ignore[attr-defined]  # a list of rules
        *([f"Time passes {1 / float(str(state['time_scale'])):g} times as fast."] if state["time_scale"] != 1 else []),
    ]
    return sentences or ["No faults: every request is answered normally, without limits."]


def _limits(limits: object) -> str:
    found = limits if isinstance(limits, dict) else {}
    return (
        f"At most {found['requests']:,} requests and {found['execution_seconds']:g} seconds of execution in "
        f"{found['window_seconds']:g} seconds, {found['concurrent']} at once, for each user."
    )


def _rule(rule: Mapping[str, object]) -> str:
    named = " ".join(str(rule[key]) for key in ("method", "table", "path") if rule.get(key))
    what = f"Every request that matches “{named}”" if named else "Every request to the Web API"
    does = [
        *([f"fails with {rule['status']}"] if rule.get("status") else []),
        *([f"is held {_MOMENTS[str(rule['hold'])]}"] if rule.get("hold") else []),
        *([f"is cut off {_MOMENTS[str(rule['cut'])]}"] if rule.get("cut") else []),
    ]
    times = f", {rule['times']} times" if rule.get("times") else ""
    return f"{what} {' and '.join(does)}{times}; {rule['fired']} so far."


_MOMENTS = {"before_commit": "before it is executed", "after_commit": "after it is executed"}
