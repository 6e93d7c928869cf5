"""Random FetchXML and SQL queries are answered or refused, and never fail."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataverse_sandbox.config import EMPTY_WORLD
from dataverse_sandbox.server import SandboxServer
from dataverse_sandbox.tests.caller import Sandbox, bodies, request_text

UNDERSTOOD = (200, 400, 501)
PATIENT = settings(max_examples=45, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

names = st.sampled_from(
    (
        *(
            "firstname",
            "birthdate",
            "createdon",
            "gendercode",
            "statecode",
            "donotemail",
            "creditlimit",
            "osync_topics",
        ),
        *(
            "contactid",
            "parentcustomerid",
            "ownerid",
            "numberofchildren",
            "address1_latitude",
            "description",
            "nothing",
        ),
    )
)
operators = st.sampled_from(
    (
        *(
            "eq",
            "ne",
            "gt",
            "le",
            "like",
            "not-like",
            "in",
            "not-in",
            "between",
            "null",
            "not-null",
            "begins-with",
            "on",
        ),
        *("on-or-after", "today", "last-x-days", "next-x-years", "olderthan-x-minutes", "contain-values", "eq-userid"),
        *("under", "eq-or-above", "eq-useroruserhierarchyandteams"),
        *("eq-userteams", "eq-businessid", "last-week", "in-fiscal-year", "last-x-months", "next-x-hours", "this-year"),
    )
)
readable = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=12)
values = st.one_of(
    readable,
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(["", "0", "-1", "1e999", "nan", "²", "0001-01-01T00:00+14:00", "9999-12-31", "[a-", "%[", "true"]),
    st.uuids().map(str),
)
aggregates = st.sampled_from(["count", "countcolumn", "sum", "avg", "min", "max", "median"])
dategroupings = st.sampled_from(["day", "week", "month", "quarter", "year", "fiscal-year"])


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    data = tmp_path_factory.mktemp("grammar") / "crm.sqlite3"
    with SandboxServer(data, world=EMPTY_WORLD) as server:
        running = Sandbox(server)
        running.reset(contacts=20)
        yield running.sign_in()


@st.composite
def conditions(draw: st.DrawFn) -> str:
    inner = "".join(f"<value>{quoteattr(value)[1:-1]}</value>" for value in draw(st.lists(values, max_size=3)))
    return f'<condition attribute="{draw(names)}" operator="{draw(operators)}">{inner}</condition>'


@st.composite
def filters(draw: st.DrawFn) -> str:
    parts = draw(st.lists(st.one_of(conditions(), st.deferred(filters)), max_size=3))
    return f'<filter type="{draw(st.sampled_from(["and", "or"]))}">{"".join(parts)}</filter>'


@st.composite
def attributes(draw: st.DrawFn) -> str:
    wishes = [f'name="{draw(names)}"']
    wishes += [f'aggregate="{draw(aggregates)}"'] if draw(st.booleans()) else []
    wishes += ['groupby="true"'] if draw(st.booleans()) else []
    wishes += [f'dategrouping="{draw(dategroupings)}"'] if draw(st.booleans()) else []
    wishes += [f"alias={quoteattr(draw(readable))}"] if draw(st.booleans()) else []
    return f"<attribute {' '.join(wishes)}/>"


@st.composite
def queries(draw: st.DrawFn) -> str:
    flags = [f'{name}="true"' for name in ("aggregate", "distinct", "returntotalrecordcount") if draw(st.booleans())]
    flags += [f'{name}="{draw(st.integers(0, 9))}"' for name in ("count", "page", "top") if draw(st.booleans())]
    kind = draw(st.sampled_from(["inner", "outer", "in", "exists", "any", "matchfirstrowusingcrossapply"]))
    ends = f'from="accountid" to="{draw(names)}" link-type="{kind}"'
    link = f'<link-entity name="account" {ends}>{draw(filters())}</link-entity>'
    parts = [*draw(st.lists(attributes(), max_size=3)), draw(filters())]
    parts += [link] if draw(st.booleans()) else []
    parts += [f'<order attribute="{draw(names)}"/>'] if draw(st.booleans()) else []
    return f'<fetch {" ".join(flags)}><entity name="contact">{"".join(parts)}</entity></fetch>'


@PATIENT
@given(xml=queries())
def test_any_fetchxml_is_answered_or_refused(crm: Sandbox, xml: str) -> None:
    headers = {"Prefer": 'odata.include-annotations="*"'}
    answer = crm.session.get(f"{crm.api}contacts", params={"fetchXml": xml}, headers=headers)

    assert answer.status_code in UNDERSTOOD, answer.text


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """Cut out, double or insert pieces of a query."""
    text = draw(queries())
    for _ in range(draw(st.integers(1, 4))):
        start, length = draw(st.integers(0, len(text))), draw(st.integers(0, 12))
        piece = draw(
            st.sampled_from(["", "<", ">", '"', "/>", "<filter>", "</entity>", "&", "&#0;", "\x00", "<!--", "é"])
        )
        text = text[:start] + piece + text[start + length :]
    return text


@PATIENT
@given(xml=damaged())
def test_damaged_fetchxml_is_answered_or_refused(crm: Sandbox, xml: str) -> None:
    answer = crm.session.get(f"{crm.api}contacts", params={"fetchXml": xml})

    assert answer.status_code in UNDERSTOOD, answer.text


@PATIENT
@given(condition=conditions())
def test_any_condition_is_answered_or_refused(crm: Sandbox, condition: str) -> None:
    xml = f'<fetch><entity name="contact"><attribute name="contactid"/><filter>{condition}</filter></entity></fetch>'

    assert crm.session.get(f"{crm.api}contacts", params={"fetchXml": xml}).status_code in UNDERSTOOD


words = st.one_of(
    names,
    st.sampled_from(("select", "from", "where", "and", "or", "not", "in", "like", "between", "is", "null", "top")),
    st.sampled_from(("order", "by", "group", "distinct", "asc", "desc", "having", "union", "3")),
    st.sampled_from(
        ["contact", "account", "c", "a", "join", "left", "on", "count", "sum", "as", "offset", "rows", "*"]
    ),
    st.sampled_from(["(", ")", ",", ".", "=", "<>", "<", ">=", "'x'", "1", "-2.5", "'", ";", "99999999999999999999"]),
)


@PATIENT
@given(found=st.lists(words, max_size=14))
def test_any_sql_is_answered_or_refused(crm: Sandbox, found: list[str]) -> None:
    sql = f"SELECT firstname FROM contact {' '.join(found)}"  # noqa: S608 - a test's own

    assert crm.session.get(f"{crm.api}contacts", params={"sql": sql}).status_code in UNDERSTOOD


@st.composite
def selects(draw: st.DrawFn) -> str:
    columns = draw(st.lists(st.one_of(names, names.map(lambda name: f"COUNT({name}) AS n")), min_size=1, max_size=3))
    value = draw(values).replace("'", "''")
    sign = draw(st.sampled_from(["=", "<>", ">", "LIKE", "NOT LIKE"]))
    group = f" GROUP BY {draw(names)}" if draw(st.booleans()) else ""
    order = f" ORDER BY {draw(names)}" if draw(st.booleans()) else ""
    return f"SELECT {', '.join(columns)} FROM contact WHERE {draw(names)} {sign} '{value}'{group}{order}"  # noqa: S608


@PATIENT
@given(sql=selects())
def test_any_select_is_answered_or_refused(crm: Sandbox, sql: str) -> None:
    assert crm.session.get(f"{crm.api}contacts", params={"sql": sql}).status_code in UNDERSTOOD


@pytest.mark.parametrize("depth", [21, 400, 5_000])
def test_deep_nesting_is_refused(crm: Sandbox, depth: int) -> None:
    sql = f"SELECT firstname FROM contact WHERE {'(' * depth}firstname = 'a'{')' * depth}"  # noqa: S608 - a test's own
    inner = '<condition attribute="firstname" operator="null"/>'
    nested = f"{'<filter>' * depth}{inner}{'</filter>' * depth}"
    xml = f'<fetch><entity name="contact">{nested}</entity></fetch>'

    statuses = [
        crm.session.get(f"{crm.api}contacts", params={name: text}).status_code
        for name, text in (("sql", sql), ("fetchXml", xml))
    ]

    assert statuses == [400, 414 if depth == 5_000 else 400]  # the deepest FetchXML makes the address too long


def test_too_many_conditions_have_own_error_code(crm: Sandbox) -> None:
    inner = '<condition attribute="firstname" operator="null"/>' * 501
    xml = f'<fetch><entity name="contact"><filter>{inner}</filter></entity></fetch>'

    alone = crm.session.get(f"{crm.api}contacts", params={"fetchXml": xml})
    in_batch = crm.batch(request_text("GET", f"contacts?fetchXml={quote(xml, safe='=<>/')}"))

    assert alone.status_code == 414
    assert bodies(in_batch)[0]["error"]["code"] == "0x8004430C"
