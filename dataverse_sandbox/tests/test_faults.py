"""Faults: statuses, delays, held requests, cut connections."""

from __future__ import annotations

import time

import pytest
import requests

from dataverse_sandbox.tests.caller import InBackground, Sandbox, bodies, request_text, statuses, wait_until


def patch_in_background(sandbox: Sandbox, contact_id: str, title: str = "Held") -> InBackground:
    other = Sandbox(sandbox.server).sign_in()
    return InBackground(lambda: other.patch(f"contacts({contact_id})", {"jobtitle": title, "osync_revision": 9}))


def test_status_fault_ends_after_given_times(sandbox: Sandbox) -> None:
    sandbox.fault(table="contact", method="GET", status=429, times=2, retry_after=7)

    answers = [sandbox.get("contacts") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[0].json()["error"]["code"] == "0x80072322"
    assert sandbox.control("GET", "faults")["rules"][0]["fired"] == 2


@pytest.mark.parametrize(
    "rule",
    [
        {"method": "PATCH"},
        {"table": "account"},
        {"path": "osync"},
        {"table": "contact", "path": "WhoAmI"},
    ],
)
def test_rule_leaves_other_requests_alone(sandbox: Sandbox, rule: dict[str, str]) -> None:
    sandbox.fault(**rule, status=500)

    assert sandbox.get("contacts").status_code == 200


@pytest.mark.parametrize("rule", [{}, {"table": "contacts"}, {"table": "contact"}, {"path": "CONTACTS("}])
def test_rule_matches_table_set_or_path(sandbox: Sandbox, rule: dict[str, str]) -> None:
    path = f"contacts({sandbox.contact()['contactid']})"

    sandbox.fault(**rule, status=500)

    assert sandbox.get(path).status_code == 500


def test_failed_write_changes_nothing(sandbox: Sandbox) -> None:
    contact = sandbox.contact()
    sandbox.fault(method="PATCH", status=503)

    assert sandbox.patch(f"contacts({contact['contactid']})", {"jobtitle": "X"}).status_code == 503
    assert sandbox.ledger() == []


def test_fault_has_given_code_and_message(sandbox: Sandbox) -> None:
    sandbox.fault(status=400, code="0x80040265", message="A plug-in said no.")

    assert sandbox.get("contacts").json() == {"error": {"code": "0x80040265", "message": "A plug-in said no."}}


def test_clearing_ends_all_faults(sandbox: Sandbox) -> None:
    sandbox.control("PUT", "faults", {"latency_ms": 1, "rules": [{"status": 500}]})

    cleared = sandbox.control("DELETE", "faults")

    assert (cleared["rules"], cleared["latency_ms"]) == ([], 0)
    assert sandbox.get("contacts").status_code == 200


def test_latency_delays_requests_by_scaled_time(sandbox: Sandbox) -> None:
    def seconds() -> float:
        started = time.monotonic()
        sandbox.get("WhoAmI")
        return time.monotonic() - started

    sandbox.control("PUT", "faults", {"latency_ms": 400})
    slow = seconds()
    sandbox.control("PUT", "faults", {"latency_ms": 400, "time_scale": 0.01})
    assert slow >= 0.4 > seconds()


def test_request_held_before_commit_writes_nothing(sandbox: Sandbox) -> None:
    first, second = (row["contactid"] for row in sandbox.rows("contacts")[:2])
    sandbox.fault(method="PATCH", path=first, hold="before_commit")
    held = patch_in_background(sandbox, first)
    wait_until(lambda: sandbox.held() == 1)

    assert sandbox.ledger() == []
    assert sandbox.patch(f"contacts({second})", {"jobtitle": "Free", "osync_revision": 9}).status_code == 204
    assert not held.is_done
    sandbox.control("DELETE", "faults")
    assert held.result().status_code == 204
    assert [entry["changes"]["jobtitle"][1] for entry in sandbox.ledger()] == ["Free", "Held"]


def test_request_held_after_commit_is_written(sandbox: Sandbox) -> None:
    contact_id = sandbox.contact()["contactid"]
    sandbox.fault(method="PATCH", hold="after_commit")
    held = patch_in_background(sandbox, contact_id)
    wait_until(lambda: sandbox.held() == 1)

    assert sandbox.read(contact_id)["jobtitle"] == "Held"
    assert not held.is_done
    sandbox.control("DELETE", "faults")
    assert held.result().status_code == 204


def test_request_stays_held_while_its_rule_remains(sandbox: Sandbox) -> None:
    rule = {"method": "PATCH", "hold": "before_commit"}
    sandbox.fault(**rule)
    held = patch_in_background(sandbox, sandbox.contact()["contactid"])
    wait_until(lambda: sandbox.held() == 1)

    sandbox.control("PUT", "faults", {"rules": [{"table": "account", "status": 500}, rule]})
    assert sandbox.control("GET", "faults")["rules"][1]["fired"] == 1
    assert not held.is_done
    sandbox.control("PUT", "faults", {"rules": [{"table": "account", "status": 500}]})
    assert held.result().status_code == 204


def test_dropped_request_writes_nothing(sandbox: Sandbox) -> None:
    sandbox.fault(method="PATCH", hold="before_commit")
    held = patch_in_background(sandbox, sandbox.contact()["contactid"])
    wait_until(lambda: sandbox.held() == 1)

    sandbox.control("DELETE", "faults?held=drop")

    with pytest.raises(requests.ConnectionError):
        held.result()
    assert sandbox.ledger() == []


@pytest.mark.parametrize(("point", "written"), [("before_commit", 0), ("after_commit", 1)])
def test_cut_fault_closes_connection_without_response(sandbox: Sandbox, point: str, written: int) -> None:
    contact_id = sandbox.contact()["contactid"]
    sandbox.fault(method="PATCH", cut=point, times=1)

    with pytest.raises(requests.ConnectionError):
        sandbox.patch(f"contacts({contact_id})", {"jobtitle": "Cut", "osync_revision": 9})

    assert len(sandbox.ledger()) == written
    assert sandbox.patch(f"contacts({contact_id})", {"jobtitle": "Again", "osync_revision": 9}).status_code == 204


def test_status_fault_affects_matching_batch_part(sandbox: Sandbox) -> None:
    sandbox.fault(table="contact", status=429, retry_after=3)

    answer = sandbox.batch(
        request_text("GET", "WhoAmI"), request_text("GET", "contacts"), Prefer="odata.continue-on-error"
    )

    assert statuses(answer) == [200, 429]
    assert "Retry-After: 3" in answer.text


def test_fault_in_part_fails_change_set(sandbox: Sandbox) -> None:
    first, second = (row["contactid"] for row in sandbox.rows("contacts")[:2])
    body = {"jobtitle": "A", "osync_revision": 9}
    sandbox.fault(path=second, status=400, message="not this one")

    parts = [request_text("PATCH", f"contacts({one})", body) for one in (first, second)]
    answer = sandbox.batch(parts, parts[:1], Prefer="odata.continue-on-error")

    assert statuses(answer) == [400, 204]
    assert bodies(answer)[0]["error"]["message"] == "not this one"
    assert [entry["id"] for entry in sandbox.ledger()] == [first]


@pytest.mark.parametrize(("point", "written"), [("before_commit", 0), ("after_commit", 1)])
def test_cut_fault_in_part_closes_batch_connection(sandbox: Sandbox, point: str, written: int) -> None:
    contact_id = sandbox.contact()["contactid"]
    sandbox.fault(table="contact", method="PATCH", cut=point)

    with pytest.raises(requests.ConnectionError):
        sandbox.batch([request_text("PATCH", f"contacts({contact_id})", {"jobtitle": "A", "osync_revision": 9})])

    assert len(sandbox.ledger()) == written


def test_fault_can_match_whole_batch(sandbox: Sandbox) -> None:
    sandbox.fault(path="$batch", status=503)

    assert sandbox.batch(request_text("GET", "WhoAmI")).status_code == 503
    assert sandbox.get("WhoAmI").status_code == 200


@pytest.mark.parametrize("path", ["oauth2/v2.0/token", "openid-configuration", "discovery/v2.0/keys"])
def test_sign_in_fails_only_if_rule_names_path(sandbox: Sandbox, path: str) -> None:
    tenant = sandbox.token_url.removesuffix("/oauth2/v2.0/token")
    address = {"openid-configuration": f"{tenant}/v2.0/.well-known/openid-configuration"}.get(path, f"{tenant}/{path}")

    def call() -> int:
        return sandbox.ask_for_token().status_code if path.endswith("token") else sandbox.get(address).status_code

    sandbox.fault(status=503)
    assert call() == 200
    sandbox.fault(status=503, path=path)
    assert call() == 503


def test_metadata_request_fails_if_rule_names_path(sandbox: Sandbox) -> None:
    sandbox.fault(path="EntityDefinitions", status=500)

    assert sandbox.get("EntityDefinitions").status_code == 500
    assert sandbox.get("contacts").status_code == 200


def test_refused_credentials_invalidate_all_tokens(sandbox: Sandbox) -> None:
    sandbox.control("PUT", "faults", {"credentials_refused": True})

    refused = sandbox.ask_for_token()
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert refused.json()["error_description"].startswith("AADSTS7000215")
    assert sandbox.get("contacts").status_code == 401
    sandbox.control("DELETE", "faults")
    assert sandbox.get("contacts").status_code == 200


@pytest.mark.parametrize(
    "state",
    [
        {"rules": [{"status": 500, "color": "red"}]},
        {"rules": [{"hold": "sometimes"}]},
        {"rules": [{"table": "contact"}]},
        {"rules": [{"status": "500"}]},
        {"latency": 3},
    ],
)
def test_invalid_rules_are_refused(sandbox: Sandbox, state: dict[str, object]) -> None:
    answer = sandbox.session.put(f"{sandbox.url}/sandbox/faults", json=state)

    assert answer.status_code == 400
