"""PATCH creates missing rows unless a condition forbids it, so all our writes have `If-Match`."""

from __future__ import annotations

from uuid import uuid4

import pytest
import requests

from tests.crm.contract.cloud import Cloud


@pytest.mark.parametrize(
    ("condition", "outcome"), [({}, "created"), ({"If-Match": "*"}, "not found"), ({"If-None-Match": "*"}, "created")]
)
def test_missing_row_is_created_unless_header_forbids_it(cloud: Cloud, condition: dict[str, str], outcome: str) -> None:
    answer = cloud.try_to("PATCH", f"contacts({uuid4()})", {"lastname": "Anew"}, **condition)

    expected = {"created": (204, 1), "not found": (404, 0)}[outcome]
    assert (answer.status_code, _lastnames(cloud).count("Anew")) == expected


@pytest.mark.parametrize(("condition", "status"), [({}, 204), ({"If-Match": "*"}, 204), ({"If-None-Match": "*"}, 412)])
def test_existing_row_is_changed_unless_header_forbids_it(cloud: Cloud, condition: dict[str, str], status: int) -> None:
    row = f"contacts({cloud.contacts()[0]})"

    answer: requests.Response = cloud.try_to("PATCH", row, {"osync_revision": 77}, **condition)

    assert answer.status_code == status
    assert (cloud.call("GET", row)["osync_revision"] == 77) is (status == 204)


def _lastnames(cloud: Cloud) -> list[str]:
    return [row["lastname"] for row in cloud.call("GET", "contacts?$select=lastname")["value"]]
