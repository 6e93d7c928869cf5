"""Service protection limits: counting, refusals, and their headers."""

from __future__ import annotations

from typing import Any

import pytest

from dataverse_sandbox import config
from dataverse_sandbox.errors import ApiError
from dataverse_sandbox.limits import Limits, Protection
from dataverse_sandbox.tests.caller import InBackground, Sandbox, request_text, wait_until

READ = request_text("GET", "/api/data/v9.2/WhoAmI")


def limit(sandbox: Sandbox, time_scale: float = 1.0, **limits: object) -> None:
    sandbox.control("PUT", "faults", {"time_scale": time_scale, "limits": {"takes_time": False, **limits}})


def refusal(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def test_requests_beyond_the_limit_are_refused(sandbox: Sandbox) -> None:
    limit(sandbox, requests=3)

    answers = [sandbox.get("WhoAmI") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert refusal(answers[3]) == (429, "0x80072322")
    assert "exceeded the limit of 3 over time window of 300 seconds" in answers[3].text
    assert 1 <= int(answers[3].headers["Retry-After"]) <= 300
    assert "x-ms-ratelimit-burst-remaining-xrm-requests" not in answers[3].headers


def test_headers_show_remaining_quota(sandbox: Sandbox) -> None:
    limit(sandbox, requests=10, execution_seconds=2, dop_hint=8)

    headers = [sandbox.get("WhoAmI") for _ in range(2)][1].headers
    assert headers["x-ms-ratelimit-burst-remaining-xrm-requests"] == "8"
    assert headers["x-ms-ratelimit-time-remaining-xrm-requests"] == "1.92"
    assert headers["x-ms-dop-hint"] == "8"


def test_batch_counts_as_one_request(sandbox: Sandbox) -> None:
    limit(sandbox, requests=100, execution_seconds=0.2)

    answers = [sandbox.batch(READ, READ, READ) for _ in range(3)]
    assert answers[0].headers["x-ms-ratelimit-burst-remaining-xrm-requests"] == "99"
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert refusal(answers[2]) == (429, "0x80072321")


def test_time_scale_shortens_limit_window(sandbox: Sandbox) -> None:
    limit(sandbox, time_scale=0.002, requests=1)

    assert sandbox.get("WhoAmI").status_code == 200
    wait_until(lambda: sandbox.get("WhoAmI").status_code == 200)


def test_too_many_concurrent_requests_are_refused(sandbox: Sandbox) -> None:
    rule = {"path": "WhoAmI", "hold": "before_commit"}
    sandbox.control("PUT", "faults", {"limits": {"concurrent": 1, "takes_time": False}, "rules": [rule]})
    other = sandbox.as_user("Jonas Weber")

    held = InBackground(lambda: sandbox.as_user(config.APPLICATION_USER_ID).get("WhoAmI"))
    wait_until(lambda: sandbox.held() == 1)
    assert refusal(sandbox.get("contacts")) == (429, "0x80072326")
    assert other.get("contacts").status_code == 200
    sandbox.control("PUT", "faults", {"limits": {"concurrent": 1, "takes_time": False}})
    assert held.result().status_code == 200
    assert sandbox.get("contacts").status_code == 200


def test_limits_are_per_calling_user(sandbox: Sandbox) -> None:
    limit(sandbox, requests=1)
    jonas = config.EDITOR.user_id

    assert sandbox.get("WhoAmI", MSCRMCallerID=jonas).status_code == 200
    assert sandbox.get("WhoAmI").status_code == 429
    assert sandbox.as_user("Jonas Weber").get("WhoAmI").status_code == 200


def test_refused_write_changes_nothing(sandbox: Sandbox) -> None:
    limit(sandbox, requests=0)

    assert sandbox.post("contacts", {"lastname": "Late"}).status_code == 429
    assert sandbox.ledger() == []


def test_setting_same_limits_again_keeps_count(sandbox: Sandbox) -> None:
    limit(sandbox, requests=1)
    sandbox.get("WhoAmI")
    limit(sandbox, requests=1)
    assert sandbox.get("WhoAmI").status_code == 429

    sandbox.control("DELETE", "faults")
    assert sandbox.get("WhoAmI").status_code == 200
    assert "x-ms-dop-hint" not in sandbox.get("WhoAmI").headers


@pytest.mark.parametrize("limits", [{"color": 1}, {"requests": "many"}, {"requests": -1}, {"takes_time": 1}, [3]])
def test_invalid_limits_are_refused(sandbox: Sandbox, limits: object) -> None:
    assert sandbox.session.put(f"{sandbox.url}/sandbox/faults", json={"limits": limits}).status_code == 400


def test_response_takes_charged_execution_time() -> None:
    slept: list[float] = []
    protection = Protection(sleep=slept.append)
    protection.set(Limits(), 0.5)

    with protection.entered("somebody", 10):
        pass
    assert slept == [pytest.approx(0.2)]


def test_published_limits_are_enforced_exactly() -> None:
    now = [0.0]
    protection = Protection(clock=lambda: now[0], sleep=lambda _seconds: None)
    protection.set(Limits(operation_ms=0), 1.0)
    for _ in range(6_000):
        with protection.entered("somebody", 1):
            now[0] += 1 / 128

    with pytest.raises(ApiError) as refused, protection.entered("somebody", 1):
        pass
    assert refused.value.headers["Retry-After"] == "254"
    now[0] = 300.005
    with protection.entered("somebody", 1):
        pass

    usage = protection.usage()["somebody"]
    assert (usage["refused"], usage["most"]) == (1, {"requests": 6_000, "execution_seconds": 0.0, "at_once": 1})
