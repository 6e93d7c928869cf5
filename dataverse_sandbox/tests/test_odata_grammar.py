"""Random requests, well formed or not, never end in a 500."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataverse_sandbox.tests.caller import Sandbox, request_text, statuses

RUN = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
COLUMNS = st.sampled_from(
    [
        *("firstname", "fullname", "createdon", "birthdate", "statecode", "donotemail", "creditlimit", "nosuch"),
        *("_parentcustomerid_value", "contactid", "osync_topics", "versionnumber", "numberofchildren", "description"),
        *("parentcustomerid_account/name", "createdby/fullname", "ownerid/x", "parentcustomerid", "address1_latitude"),
    ]
)
NAVIGATIONS = st.sampled_from(
    ["parentcustomerid_account", "createdby", "osync_contact_osync_syncrecord", "contact_customer_contacts", "nosuch"]
)
LITERALS = st.one_of(
    st.sampled_from(
        [
            *("null", "true", "false", "0", "-1", "99999999999999999999999", "1.5", "1e300", "'a''b'", "''"),
            *("2026-01-01", "2026-13-45", "2026-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "12:30:00", "@p"),
            *("deadbeef-0000-4000-8000-000000000000", "contact'x'", "'\ud7ff\u200b'", "(1,2)", "9999-12-31"),
        ]
    ),
    st.text(max_size=6).map(lambda text: "'" + text.replace("'", "''") + "'"),
    st.integers().map(str),
)
OPERATORS = st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge", "in", "has", "add"])
FUNCTIONS = st.sampled_from(["contains", "startswith", "endswith", "year", "length", "tolower"])
CRM_FUNCTIONS = st.sampled_from(
    [
        *("In", "NotIn", "Between", "ContainValues", "EqualUserId", "Today", "LastXDays", "NextXYears", "On"),
        *("OlderThanXMonths", "ThisWeek", "Above", "EqualUserOrUserTeams", "OnOrAfter", "NotBetween"),
    ]
)


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join),
        inner.map(lambda text: f"not ({text})"),
        inner.map(lambda text: f"({text})"),
        st.tuples(NAVIGATIONS, st.sampled_from(["any", "all"]), inner).map(lambda t: f"{t[0]}/{t[1]}(x:x/{t[2]})"),
    )


COMPARISONS = st.one_of(
    st.tuples(COLUMNS, OPERATORS, st.one_of(LITERALS, COLUMNS)).map(" ".join),
    st.tuples(FUNCTIONS, COLUMNS, LITERALS).map(lambda t: f"{t[0]}({t[1]},{t[2]})"),
    st.tuples(CRM_FUNCTIONS, COLUMNS, LITERALS, st.booleans()).map(
        lambda t: (
            f"Microsoft.Dynamics.CRM.{t[0]}(PropertyName='{t[1]}'"
            + (f",PropertyValues=[{t[2]},{t[2]}])" if t[3] else f",PropertyValue={t[2]})")
        )
    ),
    NAVIGATIONS.map(lambda name: f"{name}/any()"),
)
FILTERS = st.recursive(COMPARISONS, _compound, max_leaves=6)
ORDERS = st.lists(st.tuples(COLUMNS, st.sampled_from(["", " asc", " desc", " up"])).map("".join), max_size=3)
SELECTS = st.lists(st.one_of(COLUMNS, st.just("*"), st.just("")), max_size=4).map(",".join)
EXPANDS = st.tuples(NAVIGATIONS, SELECTS, FILTERS, st.sampled_from(["1", "0", "x", "5000000000"])).map(
    lambda t: f"{t[0]}($select={t[1]};$filter={t[2]};$top={t[3]})"
)
APPLIES = st.one_of(
    st.tuples(COLUMNS, COLUMNS, st.sampled_from(["sum", "average", "min", "max", "countdistinct", "median"])).map(
        lambda t: f"groupby(({t[0]}),aggregate({t[1]} with {t[2]} as total,$count as n))"
    ),
    st.tuples(FILTERS, COLUMNS).map(lambda t: f"filter({t[0]})/groupby(({t[1]}))"),
    st.just("aggregate($count as n)"),
)
MESS = st.text(alphabet=st.sampled_from("()'/,;:=$@ abx01-.[]{}%\u00e9\u0660"), max_size=40)


def ask(sandbox: Sandbox, path: str, **options: str) -> None:
    """Send a read that may be refused but must not fail."""
    answer = sandbox.session.get(sandbox.api + path, params={f"${name}": text for name, text in options.items()})
    assert answer.status_code in (200, 204, 400, 403, 404, 501), (options, answer.text)


@RUN
@given(FILTERS, ORDERS.map(",".join), SELECTS, st.booleans())
def test_any_list_query_is_answered(sandbox: Sandbox, where: str, order: str, select: str, counted: bool) -> None:
    ask(sandbox, "contacts", filter=where, orderby=order, select=select, count=str(counted).lower())


@RUN
@given(EXPANDS)
def test_any_expansion_is_answered(sandbox: Sandbox, expand: str) -> None:
    ask(sandbox, "contacts", expand=expand)


@RUN
@given(APPLIES, st.one_of(COLUMNS, MESS))
def test_any_aggregation_is_answered(sandbox: Sandbox, apply: str, order: str) -> None:
    ask(sandbox, "contacts", apply=apply)
    ask(sandbox, "contacts", apply=apply, orderby=order)


@RUN
@given(MESS, st.sampled_from(["filter", "select", "orderby", "expand", "apply", "top", "skiptoken", "count"]))
def test_any_option_text_is_answered(sandbox: Sandbox, text: str, option: str) -> None:
    ask(sandbox, "contacts", **{option: text})
    ask(sandbox, "EntityDefinitions", **{option: text})


@RUN
@given(MESS)
def test_any_path_is_answered(sandbox: Sandbox, text: str) -> None:
    for path in (f"contacts({text})", f"contacts/{text}", text.replace("?", ""), f"EntityDefinitions({text})"):
        answer = sandbox.session.get(sandbox.api + path.replace("#", "").replace("%", "%25"))
        assert answer.status_code < 500 or answer.status_code == 501, (path, answer.text)


BEHIND = [f"{f'v{n - 1}/' if n else ''}contact_customer_contacts/any(v{n}:" for n in range(30)]


@pytest.mark.parametrize(
    "query",
    [
        "contacts?$filter=" + " or ".join(["contains(lastname,'a')"] * 501),
        "contacts?$filter=" + "parentcustomerid_contact/" * 60 + "lastname ne null",
        "contacts?$orderby=" + ",".join(["lastname"] * 51),
        "contacts?$filter=" + "".join(BEHIND) + "v29/lastname ne null" + ")" * 30,
        "contacts?$filter=" + "(" * 1_000 + "lastname ne null" + ")" * 1_000,
        "contacts?$expand=" + "createdby($expand=" * 200 + "createdby" + ")" * 200,
    ],
    ids=["conditions", "path", "orders", "lambdas", "parentheses", "expansions"],
)
def test_excessive_queries_are_refused(sandbox: Sandbox, query: str) -> None:
    assert statuses(sandbox.batch(request_text("GET", query.replace(" ", "%20")))) == [400]


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)
NAMES = st.one_of(
    COLUMNS,
    st.sampled_from(
        [
            *("parentcustomerid_account@odata.bind", "Targets", "@odata.type", "osync_contact_osync_syncrecord"),
            *("Attributes", "SchemaName", "QuerySet", "Entities", "TemplateCollection", "value", "@odata.id"),
        ]
    ),
)
BODIES = st.one_of(VALUES, st.dictionaries(NAMES, VALUES, max_size=4))
WRITES = st.sampled_from(
    [
        *("POST contacts", "PATCH contacts(deadbeef-0000-4000-8000-000000000000)", "POST BulkDelete"),
        *("POST contacts/Microsoft.Dynamics.CRM.CreateMultiple", "POST CreateEntities", "POST EntityDefinitions"),
        *("POST contacts/Microsoft.Dynamics.CRM.UpsertMultiple", "POST ResetUserFilters", "POST PublishXml"),
        *("PUT contacts(deadbeef-0000-4000-8000-000000000000)/jobtitle", "POST RelationshipDefinitions"),
        *("POST EntityDefinitions(LogicalName='contact')/Attributes", "DELETE contacts", "POST userqueries"),
        *("POST EntityDefinitions(LogicalName='contact')/Keys", "PUT EntityDefinitions(LogicalName='contact')"),
    ]
)


@RUN
@given(WRITES, BODIES)
def test_any_body_is_answered(sandbox: Sandbox, write: str, body: Any) -> None:
    method, _, path = write.partition(" ")
    answer = sandbox.session.request(method, sandbox.api + path, data=json.dumps(body).encode())
    assert answer.status_code < 500 or answer.status_code == 501, (write, body, answer.text)


@RUN
@given(st.lists(st.one_of(st.tuples(FILTERS, st.just("")), st.tuples(MESS, MESS)), max_size=3))
def test_any_batch_is_answered(sandbox: Sandbox, parts: list[tuple[str, str]]) -> None:
    texts = [request_text("GET", f"contacts?$filter={where}{more}".replace("\n", " ")) for where, more in parts]
    answer = sandbox.batch(*texts)
    assert answer.status_code < 500 or answer.status_code == 501
    assert "HTTP/1.1 500" not in answer.text, answer.text


HEADERS = st.sampled_from(
    [
        *("Prefer", "If-Match", "If-None-Match", "Content-Type", "Accept", "Accept-Encoding", "Range", "Consistency"),
        *("OData-Version", "OData-MaxVersion", "CallerObjectId", "MSCRMCallerID", "MSCRM.SolutionUniqueName"),
        *("MSCRM.MergeLabels", "MSCRM.SuppressDuplicateDetection", "MSCRM.BypassBusinessLogicExecution"),
        *("MSCRM.BypassBusinessLogicExecutionStepIds", "MSCRM.BypassCustomPluginExecution", "Cookie", "Host"),
    ]
)
HEADER_VALUES = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30).map(str.strip),
    st.lists(
        st.sampled_from(
            [
                *("odata.maxpagesize", "=", "5", "0", "99999999999", ",", ";", '"', "*", "return", "representation"),
                *("odata.include-annotations", "odata.track-changes", "respond-async", 'W/"1"', 'W/"', "null", "4.0"),
                *("application/json", "multipart/mixed", "boundary=b", "deadbeef-0000-4000-8000-000000000000", "true"),
            ]
        ),
        max_size=6,
    ).map("".join),
)
REQUESTS = st.sampled_from(
    ["GET contacts", "GET contacts(deadbeef-0000-4000-8000-000000000000)", "POST contacts", "POST $batch"]
)


@RUN
@given(REQUESTS, st.dictionaries(HEADERS, HEADER_VALUES, max_size=3))
def test_any_header_is_answered(sandbox: Sandbox, line: str, headers: dict[str, str]) -> None:
    method, _, path = line.partition(" ")
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = sandbox.session.request(method, sandbox.api + path, headers=raw, data=b"{}")  # type: ignore[arg-type]  # bytes pass
    assert answer.status_code < 500 or answer.status_code == 501, (line, headers, answer.text)


PIECES = st.sampled_from(
    [
        *(
            b"--batch_1",
            b"--batch_1--",
            b"--cs",
            b"--cs--",
            b"\r\n",
            b"\n",
            b"\r\n\r\n",
            b"Content-Type: application/http",
        ),
        *(b"Content-Type: multipart/mixed; boundary=cs", b"Content-ID: 1", b"Content-Length: 5", b"HTTP/1.1", b" "),
        *(
            b"GET /api/data/v9.2/contacts?$top=1 HTTP/1.1",
            b"POST $1/contact_customer_accounts HTTP/1.1",
            b"{}",
            b"\xff",
        ),
        *(b'PATCH contacts(x) HTTP/1.1\r\nIf-Match: *\r\n\r\n{"lastname": 1', b"DELETE \xc3\x28 HTTP/9", b"\x00", b"["),
    ]
)


@RUN
@given(st.one_of(st.lists(PIECES, max_size=20).map(b"".join), st.binary(max_size=60)))
def test_any_batch_bytes_are_answered(sandbox: Sandbox, body: bytes) -> None:
    kind = {"Content-Type": 'multipart/mixed; boundary="batch_1"'}
    answer = sandbox.session.post(f"{sandbox.api}$batch", data=body, headers=kind)
    assert answer.status_code < 500 or answer.status_code == 501, answer.text
    assert "HTTP/1.1 500" not in answer.text, answer.text


@RUN
@given(WRITES, st.binary(max_size=40))
def test_any_body_bytes_are_answered(sandbox: Sandbox, write: str, body: bytes) -> None:
    method, _, path = write.partition(" ")
    answer = sandbox.session.request(method, sandbox.api + path, data=body)
    assert answer.status_code < 500 or answer.status_code == 501, (write, body, answer.text)


@RUN
@given(
    st.binary(max_size=12), st.sampled_from(["contacts(%s)", "contacts?$filter=lastname eq '%s'", "%s", "contacts?%s"])
)
def test_any_percent_encoding_is_answered(sandbox: Sandbox, raw: bytes, path: str) -> None:
    target = path.replace("%s", "".join(f"%{byte:02X}" for byte in raw)).replace(" ", "%20")
    with socket.create_connection(("127.0.0.1", sandbox.server.port), timeout=10) as connection:
        token = sandbox.session.headers["Authorization"]
        head = (
            f"GET /api/data/v9.2/{target} HTTP/1.1\r\nHost: x\r\nAuthorization: {token!s}\r\nConnection: close\r\n\r\n"
        )
        connection.sendall(head.encode())
        status = int(connection.recv(100).split(b" ")[1])
    assert status < 500 or status == 501, target
