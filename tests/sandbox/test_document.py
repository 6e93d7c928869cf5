"""docs/sandbox.md says what the sandbox knows; every row of its tables is tried."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from syncapp.sandbox import config
from tests.sandbox.caller import Sandbox

DOCUMENT = Path(__file__).parents[2] / "docs" / "sandbox.md"
ROW = re.compile(r"^\| (.+?) \| `(\w+) (.*?)` \| (\d{3}) \| (.+?) \| (.+?) \|$")
HEADER = re.compile(r" ([A-Za-z][\w.]+): ([^\"{}]*|\{\w+\})$")
BODY = re.compile(r" (\{.*\})$", re.DOTALL)


@dataclass(frozen=True)
class Try:
    operation: str
    method: str
    rest: str
    status: int
    state: str


def tries() -> list[Try]:
    lines = DOCUMENT.read_text().splitlines()
    found = [ROW.match(line) for line in lines if line.startswith("| ") and not line.startswith("| Operation")]
    assert all(found), [line for line, match in zip(lines, found, strict=False) if match is None]
    return [Try(m[1], m[2], m[3], int(m[4]), m[5]) for m in found if m]


@pytest.fixture
def ids(sandbox: Sandbox) -> dict[str, str]:
    jonas = config.EDITOR.user_id
    filters = f"userqueries?$filter=querytype eq 256 and _ownerid_value eq {jonas}"
    contact = sandbox.contact()
    return {
        "contact": contact["contactid"],
        "account": contact["_parentcustomerid_value"],
        "user": jonas,
        "team": sandbox.rows("teams")[0]["teamid"],
        "filter": sandbox.rows(filters)[0]["userqueryid"],
        "mailbox": sandbox.rows("mailboxes")[0]["mailboxid"],
        "organization": config.ORGANIZATION_ID,
        "template": sandbox.rows("savedqueries?$filter=querytype eq 131072")[0]["savedqueryid"],
    }


@pytest.mark.parametrize("row", tries(), ids=lambda row: re.sub(r"\W+", " ", row.operation).strip())
def test_row_of_the_document_is_true(sandbox: Sandbox, ids: dict[str, str], row: Try) -> None:
    text = re.sub(r"\{(\w+)\}", lambda match: ids.get(match[1], match[0]), row.rest)
    headers: dict[str, str] = {}
    if header := HEADER.search(text):
        headers[header[1]], text = header[2], text[: header.start()]
    body = BODY.search(text)
    path = text[: body.start()] if body else text
    content = json.loads(body[1]) if body else None

    answer = sandbox.session.request(row.method, sandbox.api + path, headers=headers, json=content)
    assert answer.status_code == row.status, answer.text
    assert (row.status == 501) == row.state.startswith("501")


def test_document_has_every_kind_of_state() -> None:
    kinds = ("as documented", "as observed", "simplified", "501")
    found = {next((kind for kind in kinds if row.state.startswith(kind)), row.state) for row in tries()}
    assert found == set(kinds)
    assert len(tries()) > 80
