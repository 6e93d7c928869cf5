"""The tables in README.md: every row is true, and every feature has a row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataverse_sandbox import bound, config, messages, query_functions, unbound
from dataverse_sandbox.catalog import BUILT_IN
from dataverse_sandbox.fetchxml import operators
from dataverse_sandbox.server import SandboxServer
from dataverse_sandbox.tests.caller import Sandbox
from dataverse_sandbox.tests.document import OperatorRow, Row, filled, operator_rows, rows

ROWS, OPERATOR_ROWS = rows(), operator_rows()
SANDBOX = Path(messages.__file__).parent
# Present in every request and every part of a batch.
OF_HTTP = {"authorization", "content-type", "Content-Type", "Content-Length", "Transfer-Encoding", "content-id"} | {
    "OData-EntityId"
}
KINDS = ("as documented", "as observed", "simplified", "501")


def ids(sandbox: Sandbox) -> dict[str, str]:
    """Return the values of the placeholders."""
    jonas = config.EDITOR.user_id
    filters = f"userqueries?$filter=querytype eq 256 and _ownerid_value eq {jonas}"
    contact = sandbox.contact()
    return {
        "contact": contact["contactid"],
        "etag": contact["@odata.etag"],
        "account": contact["_parentcustomerid_value"],
        "user": jonas,
        "application": config.APPLICATION_USER_ID,
        "role": sandbox.rows("roles?$filter=name eq 'Basic User'")[0]["roleid"],
        "team": sandbox.rows("teams")[0]["teamid"],
        "filter": sandbox.rows(filters)[0]["userqueryid"],
        "mailbox": sandbox.rows("mailboxes")[0]["mailboxid"],
        "organization": config.ORGANIZATION_ID,
        "template": sandbox.rows("savedqueries?$filter=querytype eq 131072")[0]["savedqueryid"],
    }


@pytest.fixture(scope="module")
def read_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, dict[str, str]]]:
    """Provide a sandbox that no test changes, for rows that only read."""
    with SandboxServer(tmp_path_factory.mktemp("still") / "sandbox.sqlite3", world=config.EMPTY_WORLD) as server:
        running = Sandbox(server)
        running.reset(contacts=30)
        yield running.sign_in(), ids(running)


def check_row(row: Row, sandbox: Sandbox, words: dict[str, str]) -> None:
    answer = row.sent(sandbox, words)
    answer_text = "\n".join([*(f"{name}: {value}" for name, value in answer.headers.items()), answer.text])
    assert answer.status_code == row.status, answer_text
    assert filled(row.text, words) in answer_text
    assert (row.status == 501) == row.state.startswith("501")


def titles(some: list[Row]) -> list[str]:
    return [re.sub(r"\W+", " ", row.operation).strip() for row in some]


READS, WRITES = [row for row in ROWS if row.only_reads], [row for row in ROWS if not row.only_reads]


@pytest.mark.parametrize("row", READS, ids=titles(READS))
def test_documented_read_behaves_as_described(read_only: tuple[Sandbox, dict[str, str]], row: Row) -> None:
    check_row(row, *read_only)


@pytest.mark.parametrize("row", WRITES, ids=titles(WRITES))
def test_documented_write_behaves_as_described(sandbox: Sandbox, row: Row) -> None:
    check_row(row, sandbox, ids(sandbox))


@pytest.mark.parametrize("row", OPERATOR_ROWS, ids=lambda row: row.operator)
def test_operator_selects_same_rows_in_fetchxml_and_odata(
    read_only: tuple[Sandbox, dict[str, str]], row: OperatorRow
) -> None:
    sandbox, _words = read_only
    by_fetch = sandbox.rows(row.in_fetch_xml())
    key = row.table.key.name
    if row.function:
        assert [found[key] for found in sandbox.rows(row.in_odata())] == [found[key] for found in by_fetch]


def test_every_documented_state_is_known() -> None:
    assert {row.operation for row in ROWS if not row.state.startswith(KINDS)} == set()
    assert {next(kind for kind in KINDS if row.state.startswith(kind)) for row in ROWS} == set(KINDS)


def test_every_query_operator_is_documented() -> None:
    assert {row.operator for row in OPERATOR_ROWS} == operators.NAMES
    assert {row.function for row in OPERATOR_ROWS} - {""} == query_functions.NAMES


def test_every_table_is_documented() -> None:
    named = {row.request for row in ROWS}
    assert {table.set_name for table in BUILT_IN.tables if f"GET {table.set_name}?$top=1" not in named} == set()


def test_every_message_is_documented() -> None:
    requests = " ".join(row.request for row in ROWS)
    known = {*unbound.FUNCTIONS, *unbound.ACTIONS, *bound.NAMES}
    assert {name for name in known if not re.search(rf"\b{name}\b", requests)} == set()


def test_every_supported_header_is_documented() -> None:
    requests = " ".join(row.request for row in ROWS).lower()
    source = "".join(path.read_text() for path in SANDBOX.glob("*.py"))
    known = {*messages.KNOWN_PREFERENCES, *re.findall(r'headers\.get\("([\w.-]+)"', source)} - OF_HTTP
    assert {name for name in known if name not in requests} == set()
    assert {"if-match", "mscrmcallerid", "odata.maxpagesize"} <= known
