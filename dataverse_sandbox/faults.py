"""Faults on demand: delays, error answers, held requests, cut connections ("PUT /sandbox/faults").

A rule matches a single request, the token endpoint, a batch as a whole, or a part of a batch. A status replaces the
answer to what it matched; hold and cut act on the whole HTTP request. A request is held before its transaction begins
or after it has ended, so other requests never wait for its lock. Held requests continue when their rule is removed;
with `release: "drop"` their connection is closed instead, and a request held before the commit writes nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from dataverse_sandbox import errors
from dataverse_sandbox.catalog import BY_SET
from dataverse_sandbox.errors import ApiError, Cut
from dataverse_sandbox.limits import Limits, Protection

BEFORE, AFTER = "before_commit", "after_commit"
_RULE_KEYS = frozenset({"method", "table", "path", "status", "code", "message", "times", "retry_after", "hold", "cut"})
_STATE_KEYS = frozenset({"latency_ms", "time_scale", "limits", "rules", "credentials_refused"})
_SHOWN_KEYS = frozenset({"usage", "operations", "held"})
_CODES = {
    401: "",
    403: "0x80040220",
    404: errors.OBJECT_DOES_NOT_EXIST,
    412: errors.VERSION_MISMATCH,
    429: "0x80072322",
    503: "0x80044150",
}
_MESSAGES = {
    412: errors.version_mismatch().message,
    429: "Number of requests exceeded the limit of 6000 over time window of 300 seconds.",
}


@dataclass(frozen=True)
class Probe:
    """The features of a request, or of one part of a batch, that rules match. `table` is the logical name or ''."""

    method: str
    table: str
    path: str


@dataclass(eq=False)
class Rule:
    """One rule and how often it has taken effect; `times` None means without limit."""

    given: dict[str, object]
    method: str
    table: str
    path: str
    status: int | None
    times: int | None
    hold: str
    cut: str
    fired: int = 0
    held: int = 0
    dropped: bool = False

    @classmethod
    def read(cls, given: Mapping[str, object]) -> Rule:
        """Read a rule. Raises ValueError for an unknown key or value."""
        unknown = set(given) - _RULE_KEYS
        if unknown:
            raise ValueError(f"a rule has no key {sorted(unknown)}")
        hold, cut = str(given.get("hold") or ""), str(given.get("cut") or "")
        if {hold, cut} - {"", BEFORE, AFTER}:
            raise ValueError(f"hold and cut are {BEFORE} or {AFTER}")
        status = _optional_int(given.get("status"))
        if not (hold or cut or status):
            raise ValueError("a rule has a status, a hold or a cut")
        table = str(given.get("table") or "")
        return cls(
            given=dict(given),
            method=str(given.get("method") or "").upper(),
            table=BY_SET[table].name if table in BY_SET else table,
            path=str(given.get("path") or ""),
            status=status,
            times=_optional_int(given.get("times")),
            hold=hold,
            cut=cut,
        )

    def matches(self, probe: Probe, *, needs_path: bool) -> bool:
        if self.times is not None and self.fired >= self.times:
            return False
        if needs_path and not self.path:
            return False
        return (
            self.method in ("", probe.method)
            and self.table in ("", probe.table)
            and self.path.lower() in probe.path.lower()
        )

    def error(self) -> ApiError | None:
        """Return the error to answer; None for a rule that only holds or cuts."""
        status = self.status
        if status is None:
            return None
        retry_after = self.given.get("retry_after")
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        code = str(self.given.get("code") or _CODES.get(status, ""))
        message = str(self.given.get("message") or _MESSAGES.get(status, f"The sandbox was told to answer {status}."))
        return ApiError(status, code, message, headers=headers)


def _optional_int(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"'{value}' is not a whole number")
    return value


@dataclass
class Injection:
    """The effects of the rules on one request: errors by position of the matched part, and the point of holding."""

    faults: Faults
    errors: dict[int, ApiError] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)

    def wait_at(self, point: str) -> None:
        """Wait while held at this point. Raises Cut when the connection must be closed here."""
        for rule in self.rules:
            if rule.hold == point:
                self.faults.wait(rule)
        if any(rule.cut == point for rule in self.rules):
            raise Cut


class Faults:
    """The rules in force, kept in memory: a restarted sandbox has no faults."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._changed = threading.Condition()
        self._sleep = sleep
        self._rules: list[Rule] = []
        self.protection = Protection(sleep=sleep)
        self.latency_ms = 0.0
        self.time_scale = 1.0
        self.credentials_refused = False

    def enter(self, probes: Sequence[Probe], *, needs_path: bool = False) -> Injection:
        """Delay the request and return the rules that match it."""
        if self.latency_ms:
            self._sleep(self.latency_ms * self.time_scale / 1000)
        injection = Injection(self)
        if not self._rules:
            return injection
        with self._changed:
            for position, probe in enumerate(probes):
                self._apply(injection, position, probe, needs_path=needs_path)
        return injection

    def _apply(self, injection: Injection, position: int, probe: Probe, *, needs_path: bool) -> None:
        for rule in self._rules:
            error = rule.error()
            is_spent = rule in injection.rules if error is None else position in injection.errors
            if is_spent or not rule.matches(probe, needs_path=needs_path):
                continue
            rule.fired += 1
            if error is not None:
                injection.errors[position] = error
            if rule.hold or rule.cut:
                injection.rules.append(rule)

    def wait(self, rule: Rule) -> None:
        """Block until the rule is removed. Raises Cut when its requests were dropped."""
        with self._changed:
            rule.held += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: rule not in self._rules)
            rule.held -= 1
            if rule.dropped:
                raise Cut

    def put(self, state: Mapping[str, object]) -> None:
        """Replace all rules; a rule given again unchanged keeps its count and held requests."""
        unknown = set(state) - _STATE_KEYS - _SHOWN_KEYS
        if unknown:
            raise ValueError(f"unknown keys {sorted(unknown)}; known are {sorted(_STATE_KEYS)}")
        limits = state.get("limits")
        if not isinstance(limits, dict | None):
            raise ValueError("limits is an object")
        wanted_limits = Limits.read(limits) if limits else None
        given = state.get("rules") or []
        if not isinstance(given, list):
            raise ValueError("rules is a list")
        wanted = [Rule.read(rule) for rule in given]
        with self._changed:
            self._rules = [self._same_as(rule) or rule for rule in wanted]
            self.latency_ms = float(str(state.get("latency_ms") or 0))
            self.time_scale = float(str(state.get("time_scale") or 1))
            self.credentials_refused = bool(state.get("credentials_refused"))
            self.protection.set(wanted_limits, self.time_scale)
            self._changed.notify_all()

    def _same_as(self, rule: Rule) -> Rule | None:
        return next((old for old in self._rules if old.given == rule.given), None)

    def clear(self, *, drop: bool = False) -> None:
        """Remove all rules; held requests continue, or are cut with `drop`."""
        with self._changed:
            for rule in self._rules:
                rule.dropped = drop
        self.put({})

    def state(self) -> dict[str, object]:
        with self._changed:
            rules = [{**rule.given, "fired": rule.fired, "held": rule.held} for rule in self._rules]
            return {
                "latency_ms": self.latency_ms,
                "time_scale": self.time_scale,
                "limits": asdict(self.protection.limits) if self.protection.limits else {},
                "usage": self.protection.usage(),
                "operations": self.protection.operations,
                "credentials_refused": self.credentials_refused,
                "rules": rules,
                "held": sum(rule.held for rule in self._rules),
            }
