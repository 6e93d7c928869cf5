"""CSV exports without formulas."""

from __future__ import annotations

import csv
import io
import re
import uuid

import pytest
from django.utils import timezone
from hypothesis import example, given
from hypothesis import strategies as st

from syncapp import audit
from syncapp.activity import audit_log
from syncapp.crm.staging.records import Column, ColumnType
from syncapp.models import AuditEntry, AuditValue, FilterRow, FilterTeam
from syncapp.models.person import Role
from syncapp.review import collaboration
from syncapp.sync_filters.inventory import user_lists
from syncapp.sync_filters.runs import creation
from syncapp.text import escaping
from syncapp.web.base import csv_files
from tests.support import factories, scenes
from tests.support.factories import make_editor, make_field, make_record
from tests.support.people import ada, browser, fred, make_person, rita, vera
from tests.support.screen import Screen
from tests.sync_filters.users import make_user

SEPARATORS = (",", ";", "\t", "|")
DANGEROUS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", '=HYPERLINK("http://x.example")']

DANGEROUS_INSIDE = [
    "x;=1+1;y",
    "x;=cmd|' /C calc'!A0;y",
    "x,=1",
    "x|@SUM(A1)",
    "x\t-1",
    "two\n=1",
    "two\r\n+1",
    'x;"=1+1";y',
    'x;""=1',
    "x; \u00a0=1",
    "x\u2028=1",
    "Åse; Øye, =x",
]


def exported(query: str = "", *, separator: str = ",") -> list[list[str]]:
    response = browser(vera()).get(f"/activity/export.csv{query}")
    assert response.headers["Content-Disposition"].startswith("attachment")
    text = b"".join(response).decode("utf-8")
    assert text.startswith("\ufeff")
    return read(text.removeprefix("\ufeff"), separator)


def is_calculated(cell: str) -> bool:
    """Return whether spreadsheets calculate this cell of a text file: it begins with one of these signs."""
    return cell.strip(" \t\r\n\u00a0")[:1] in set("=+-@＝＋－＠")


def written(*cells: str, separator: str = ",") -> str:
    return "".join(csv_files.lines(["Head"] * len(cells), [cells], separator=separator)).removeprefix("\ufeff")


def read(text: str, separator: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))


def calculated(text: str) -> list[str]:
    """Return the cells and the lines of cells that some spreadsheet would calculate."""
    found = [cell for separator in SEPARATORS for row in read(text, separator) for cell in row]
    parts = [part for cell in found for part in re.split(r"[,;\t|\r\n\x0b\x0c\x85\u2028\u2029]", cell)]
    return [part for part in parts if is_calculated(part)]


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("value", [*DANGEROUS, *DANGEROUS_INSIDE])
def test_known_formulas_are_escaped(value, separator):
    assert calculated(written("Buyer", value, "x", separator=separator)) == []


@given(st.text(st.sampled_from("=+-@＝\t\r\n ,;|\"'ax\u2028\x85\u00a0"), max_size=12), st.sampled_from(",;"))
def test_no_text_becomes_a_formula(value, separator):
    assert calculated(written("Buyer", value, value, separator=separator)) == []


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("'=1+1", "''=1+1"),
        ("''=1", "'''=1"),
        ("x;=1+1;y", "x;'=1+1;y"),
        ("two\r\n=1", "two\r\n'=1"),
        ("\t=1", "'\t'=1"),
        ("'\t=1", "''\t'=1"),
        (" =1", "' =1"),
        ("Åse; Øye, =x", "Åse; Øye,' =x"),
        ("+47 22 85 50 50", "'+47 22 85 50 50"),
    ],
)
def test_escaping_only_adds_apostrophes(value, cell):
    assert read(written(value), ",")[1] == [cell]


SOME_TEXT = st.text(st.sampled_from("=-'\t\n ;a"), max_size=8)


@given(st.text(st.sampled_from(list("=+-@'\" ,;|\t\r\n＝x\u00a0\u200b")), max_size=12))
@example("'=x")
@example("''=x")
@example("x;'=1")
def test_escaped_cell_yields_original_value(value):
    assert escaping.csv_value(escaping.csv_cell(value)) == value


@given(SOME_TEXT, SOME_TEXT)
def test_different_values_give_different_cells(one, other):
    assert (written(one) == written(other)) == (one == other)


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize(
    "value",
    [
        "Buyer",
        "a=b",
        "1-2",
        'say "so"',
        "two\nlines",
        "",
        "Åse; Øye",
        "'tis",
        "a@x.example; b@x.example",
        "x - y, z | a",
    ],
)
def test_ordinary_cell_is_unchanged(value, separator):
    assert read(written(value, separator=separator), separator)[1] == [value]


@pytest.mark.django_db
def test_activity_can_be_exported_with_semicolons():
    scenes.store_columns()
    scenes.approved(make_field(make_record("Marta; Rita")), by=rita())

    rows = exported("?area=decision&separator=semicolon", separator=";")

    assert [len(row) for row in rows] == [len(rows[0])] * 2
    assert "Marta; Rita" in rows[1]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/activity/", "/activity/evidence/?from=2020-01-01", "/numbers/", "/filters/risk/"])
def test_each_export_offers_both_separators(path):
    page = Screen(browser(ada()).get(path))

    downloads = [tag["href"] for name, tag in page.tags if name == "a" and "download" in tag]
    with_semicolons = [href for href in downloads if "separator=semicolon" in href]
    assert len(downloads) == 2 * len(with_semicolons) > 0
    assert all(browser(ada()).get(href).status_code == 200 for href in with_semicolons)


FORMULAS = "x;=1+1;y\n=2\t+3|@SUM(A1)"


def downloaded(path: str) -> str:
    response = browser(ada()).get(path)
    return b"".join(response).decode("utf-8").removeprefix("\ufeff")


@pytest.mark.django_db
@pytest.mark.parametrize("separator", ["comma", "semicolon"])
@pytest.mark.parametrize("source", ["contact", "editor", "person", "reason", "label", "original", "proposed", "remark"])
def test_activity_csv_escapes_formulas(source, separator):
    scenes.store_columns()
    named = {source: FORMULAS}
    factories.store_columns(Column("contact", "jobtitle", named.get("label", "Job Title"), ColumnType.TEXT))
    person = make_person(named.get("person", "Rob"), Role.REVIEWER)
    record = make_record(named.get("contact", "Marta"), editor=make_editor(named.get("editor", "Jonas")))
    values = {"original_value": named.get("original", "a"), "proposed_value": named.get("proposed", "b")}
    scenes.rejected(make_field(record, **values), by=person, reason_code="other", reason=named.get("reason", "no"))
    collaboration.add_comment(record.pk, text=named.get("remark", "ok"), by=person)

    text = downloaded(f"/activity/export.csv?separator={separator}")

    assert calculated(text) == []
    assert ("SUM(A1)" in text) == (source != "editor")


@pytest.mark.django_db
@pytest.mark.parametrize("separator", ["comma", "semicolon"])
@pytest.mark.parametrize("source", ["user", "unit", "filter", "list", "team"])
def test_filter_exports_escape_formulas(source, separator):
    named = {source: FORMULAS}
    user = make_user(named.get("user", "Anna"), unit_name=named.get("unit", "Sales"), address="a@x.example")
    columns = {"table": "contact", "query_type": 256, "state": 0, "status": 1, "read_at": timezone.now()}
    FilterRow.objects.create(pk=uuid.uuid4(), owner_id=user.pk, name=named.get("filter", "My contacts"), **columns)
    user_lists.save(named.get("list", "Riva"), ["a@x.example"], by=fred())
    FilterTeam.objects.create(pk=uuid.uuid4(), name=named.get("team", "North"))
    run = creation.create_run([user.pk], creation.RunSpec(("contact",), on=False), by=fred())

    for path in (f"/filters/runs/{run.pk}/export.csv", "/filters/risk/export.csv", "/activity/export.csv"):
        assert calculated(downloaded(f"{path}?separator={separator}")) == []


@pytest.mark.django_db
def test_export_follows_the_filters():
    scenes.store_columns()
    scenes.approved(make_field(make_record("Marta")), by=rita())
    audit.record("gate.closed", by=None, channel="system", details={"gate": "operator_stop"})

    headers, row = exported("?area=decision")

    assert headers[0] == "When (UTC)"
    entry = AuditEntry.objects.get(area="decision")
    when = f"{timezone.localtime(entry.at):%Y-%m-%d %H:%M:%S}"
    change = ["Job Title", "Buyer", "Head of Procurement"]
    assert row == [when, "Rita", "Approved", "Marta", *change, "", "page", audit.seal(entry)]


@pytest.mark.django_db
def test_erased_values_are_exported_as_digests():
    scenes.approved(make_field(), by=rita())
    AuditValue.objects.all().delete()

    assert f"erased, hash {audit.digest('Buyer')[:12]}" in exported()[1]


@pytest.mark.django_db
def test_all_batches_are_exported(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(audit_log, "BATCH", 4)
    for _ in range(11):
        audit.record("gate.closed", by=None, channel="system")

    assert len(exported()) == 1 + 11
