"""The export: every entry, in words, and no cell that a spreadsheet would calculate."""

from __future__ import annotations

import csv
import io

import pytest
from django.utils import timezone

from syncapp import audit
from syncapp.activity import trail
from syncapp.models import AuditEntry, AuditValue
from syncapp.web import tables
from tests.factories import make_field, make_record
from tests.people import browser, make_person, rita, vera
from tests.web import scenes

DANGEROUS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", '=HYPERLINK("http://x.example")']


def exported(query: str = "") -> list[list[str]]:
    response = browser(vera()).get(f"/activity/export.csv{query}")
    assert response.headers["Content-Disposition"].startswith("attachment")
    text = b"".join(response).decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def is_calculated(cell: str) -> bool:
    """What spreadsheets do with a cell of a text file: they calculate what begins with one of these signs."""
    return cell.strip(" \t\r\n\u00a0")[:1] in set("=+-@＝＋－＠")


@pytest.mark.parametrize("value", DANGEROUS)
def test_a_cell_that_looks_like_a_formula_is_a_text(value):
    written = "".join(tables.lines(["Head"], [[value]])).removeprefix("\ufeff")
    cell = list(csv.reader(io.StringIO(written, newline="")))[1][0]

    assert is_calculated(value)
    assert not is_calculated(cell)
    assert cell == f"'{value}"


@pytest.mark.parametrize("value", ["Buyer", "a=b", "1-2", 'say "so"', "two\nlines", "", "Åse; Øye, =x"])
def test_any_other_cell_stays_as_it_is(value):
    written = "".join(tables.lines(["Head"], [[value]])).removeprefix("\ufeff")

    assert list(csv.reader(io.StringIO(written, newline="")))[1] == [value]


@pytest.mark.django_db
def test_nothing_that_people_type_reaches_the_file_as_a_formula():
    scenes.know_columns()
    field = make_field(make_record("=cmd|' /C calc'!A0"), original_value="+47 1", proposed_value="@import")
    scenes.rejected(field, by=make_person("-Rita"), reason_code="other", reason="=1+1")

    cells = [cell for row in exported() for cell in row]

    assert "'+47 1" in cells
    assert not [cell for cell in cells if is_calculated(cell)]


@pytest.mark.django_db
def test_the_export_has_what_the_page_shows_with_the_same_filters():
    scenes.know_columns()
    scenes.approved(make_field(make_record("Marta")), by=rita())
    audit.record("gate.closed", by=None, channel="system", details={"gate": "operator_stop"})

    heads, row = exported("?area=decision")

    assert heads[0] == "When (UTC)"
    entry = AuditEntry.objects.get(area="decision")
    when = f"{timezone.localtime(entry.at):%Y-%m-%d %H:%M:%S}"
    change = ["Job Title", "Buyer", "Head of Procurement"]
    assert row == [when, "Rita", "Approved", "Marta", *change, "", "page", audit.seal(entry)]


@pytest.mark.django_db
def test_erased_values_are_exported_as_digests():
    scenes.approved(make_field(), by=rita())
    AuditValue.objects.all().delete()

    assert f"erased, digest {audit.digest('Buyer')[:12]}" in exported()[1]


@pytest.mark.django_db
def test_all_entries_are_exported_whatever_the_batches(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trail, "BATCH", 4)
    for _ in range(11):
        audit.record("gate.closed", by=None, channel="system")

    assert len(exported()) == 1 + 11
