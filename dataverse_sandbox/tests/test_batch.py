"""`$batch`: order, atomic change sets, references, tolerance, error answers."""

from __future__ import annotations

import pytest

from dataverse_sandbox.tests.caller import Sandbox, bodies, request_text, statuses

ROOT = "/api/data/v9.2"
GO_ON = {"Prefer": "odata.continue-on-error"}
NOWHERE = "deadbeef-0000-4000-8000-000000000000"


def patch(contact_id: str, body: object, **headers: str) -> str:
    return request_text("PATCH", f"{ROOT}/contacts({contact_id})", body, **headers)


def test_reads_are_answered_in_order(sandbox: Sandbox) -> None:
    first, second = (row["contactid"] for row in sandbox.rows("contacts")[:2])

    answer = sandbox.batch(*(request_text("GET", f"{ROOT}/contacts({one})") for one in (second, first)))

    assert answer.status_code == 200
    assert [body["contactid"] for body in bodies(answer)] == [second, first]
    assert answer.text.startswith("--batchresponse_")
    assert "boundary=batchresponse_" in answer.headers["Content-Type"]


@pytest.mark.parametrize("newline", ["\r\n", "\n"])
@pytest.mark.parametrize("origin", ["", "absolute"])
def test_line_feeds_and_absolute_urls_are_accepted(sandbox: Sandbox, newline: str, origin: str) -> None:
    start = sandbox.url if origin else ""
    blanks = f"{start}{ROOT}/contacts?$select=lastname&$filter=statecode eq 0 and creditonhold eq false"

    answer = sandbox.batch(request_text("GET", blanks), request_text("GET", f"{start}{ROOT}/WhoAmI"), newline=newline)

    assert statuses(answer) == [200, 200]
    assert len(bodies(answer)[0]["value"]) == 3


def test_relative_urls_without_root_are_accepted(sandbox: Sandbox) -> None:
    assert statuses(sandbox.batch(request_text("GET", "WhoAmI"), request_text("GET", "contacts?$top=1"))) == [200, 200]


def test_change_set_commits_as_one_transaction(sandbox: Sandbox) -> None:
    first, second = (row["contactid"] for row in sandbox.rows("contacts")[:2])

    answer = sandbox.batch(
        [patch(first, {"jobtitle": "A", "osync_revision": 2}), patch(second, {"jobtitle": "B", "osync_revision": 2})]
    )

    ledger = sandbox.ledger()
    assert answer.status_code == 200
    assert statuses(answer) == [204, 204]
    assert "changesetresponse_" in answer.text
    assert [line for line in answer.text.splitlines() if line.startswith("Content-ID")] == [
        "Content-ID: 1",
        "Content-ID: 2",
    ]
    assert [entry["changes"]["jobtitle"][1] for entry in ledger] == ["A", "B"]
    assert len({entry["transaction"] for entry in ledger}) == 1


def test_one_bad_request_undoes_change_set(sandbox: Sandbox) -> None:
    contact = sandbox.contact()

    answer = sandbox.batch(
        [
            patch(contact["contactid"], {"jobtitle": "A", "osync_revision": 2}),
            patch(NOWHERE, {"jobtitle": "B"}, If_Match="*"),
        ],
        **GO_ON,
    )

    assert statuses(answer) == [404]
    assert "changesetresponse_" not in answer.text
    assert sandbox.read(contact["contactid"])["@odata.etag"] == contact["@odata.etag"]
    assert sandbox.ledger() == []


def test_stale_etag_undoes_change_set(sandbox: Sandbox) -> None:
    first, second = sandbox.rows("contacts")[:2]

    answer = sandbox.batch(
        [
            patch(first["contactid"], {"jobtitle": "A", "osync_revision": 2}, If_Match=first["@odata.etag"]),
            patch(second["contactid"], {"jobtitle": "B", "osync_revision": 2}, If_Match='W/"1"'),
        ],
        **GO_ON,
    )

    assert statuses(answer) == [412]
    assert sandbox.ledger() == []


def test_batch_stops_at_first_failure_by_default(sandbox: Sandbox) -> None:
    parts = [request_text("GET", f"{ROOT}/WhoAmI"), request_text("GET", f"{ROOT}/contacts({NOWHERE})")]

    stopped = sandbox.batch(*parts, request_text("GET", f"{ROOT}/WhoAmI"))
    went_on = sandbox.batch(*parts, request_text("GET", f"{ROOT}/WhoAmI"), **GO_ON)

    assert (stopped.status_code, statuses(stopped)) == (400, [200, 404])
    assert (went_on.status_code, statuses(went_on)) == (200, [200, 404, 200])


def test_failed_change_set_does_not_stop_later_ones(sandbox: Sandbox) -> None:
    contact = sandbox.contact()

    answer = sandbox.batch(
        [patch(NOWHERE, {"jobtitle": "A"}, If_Match="*")],
        [patch(contact["contactid"], {"jobtitle": "B", "osync_revision": 2})],
        **GO_ON,
    )

    assert statuses(answer) == [404, 204]
    assert sandbox.read(contact["contactid"])["jobtitle"] == "B"


def test_content_id_refers_to_created_row(sandbox: Sandbox) -> None:
    answer = sandbox.batch(
        [
            request_text("POST", f"{ROOT}/osync_syncrecords", {"osync_name": "R"}),
            request_text("POST", f"{ROOT}/osync_syncfields", {"osync_name": "F", "osync_syncrecord@odata.bind": "$1"}),
            request_text("PATCH", "/$1", {"osync_targettable": "contact"}),
        ]
    )

    record = sandbox.rows("osync_syncrecords")[0]
    assert statuses(answer) == [204, 204, 204]
    assert record["osync_targettable"] == "contact"
    assert sandbox.rows("osync_syncfields")[0]["_osync_syncrecord_value"] == record["osync_syncrecordid"]


def test_forward_reference_is_refused(sandbox: Sandbox) -> None:
    answer = sandbox.batch([request_text("PATCH", "/$2", {"osync_name": "F"})], **GO_ON)

    assert statuses(answer) == [400]
    assert "'$2' does not exist in the batch context" in answer.text


def test_if_match_applies_per_part(sandbox: Sandbox) -> None:
    stale, current, free = (sandbox.contact(number) for number in range(3))

    answer = sandbox.batch(
        patch(stale["contactid"], {"jobtitle": "A", "osync_revision": 2}, If_Match='W/"1"'),
        patch(current["contactid"], {"jobtitle": "B", "osync_revision": 2}, If_Match=current["@odata.etag"]),
        patch(free["contactid"], {"jobtitle": "C", "osync_revision": 2}),
        **GO_ON,
    )

    titles = [sandbox.read(each["contactid"])["jobtitle"] for each in (stale, current, free)]
    assert statuses(answer) == [412, 204, 204]
    assert titles == [stale["jobtitle"], "B", "C"]


@pytest.mark.parametrize(
    "items",
    [
        [[request_text("GET", f"{ROOT}/WhoAmI")]],
        [request_text("POST", f"{ROOT}/$batch", {})],
        ["this is no request line\n\n"],
        [request_text("GET", f"{ROOT}/WhoAmI")] * 1_001,
    ],
    ids=["read in a change set", "batch in a batch", "no request line", "too many"],
)
def test_malformed_batch_is_refused(sandbox: Sandbox, items: list[str | list[str]]) -> None:
    answer = sandbox.batch(*items)

    assert answer.status_code == 400
    assert "error" in answer.json()


def test_thousand_requests_are_allowed(sandbox: Sandbox) -> None:
    answer = sandbox.batch(*[request_text("GET", f"{ROOT}/WhoAmI")] * 1_000)

    assert statuses(answer) == [200] * 1_000


def test_truncated_body_changes_nothing(sandbox: Sandbox) -> None:
    body = (
        "--b\r\nContent-Type: application/http\r\n\r\nDELETE /api/data/v9.2/contacts(" + sandbox.contact()["contactid"]
    )

    answer = sandbox.session.post(
        sandbox.api + "$batch", data=body, headers={"Content-Type": "multipart/mixed; boundary=b"}
    )

    assert answer.status_code == 400
    assert sandbox.ledger() == []


def test_tag_applies_only_to_its_operation(sandbox: Sandbox) -> None:
    first, second = (row["contactid"] for row in sandbox.rows("contacts")[:2])

    sandbox.batch(
        [
            request_text("PATCH", f"{ROOT}/contacts({first})?tag=mine", {"jobtitle": "A", "osync_revision": 2}),
            request_text("PATCH", f"{ROOT}/contacts({second})", {"jobtitle": "A", "osync_revision": 2}),
        ]
    )

    assert [entry["tag"] for entry in sandbox.ledger()] == ["mine", ""]
