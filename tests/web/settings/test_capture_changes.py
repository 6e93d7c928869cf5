"""The list of observed changes and the exports."""

from __future__ import annotations

import csv
import io

import pytest

from syncapp.models import Capture
from tests.capture.changes import by_program, change, program, restored
from tests.support.people import ada, browser
from tests.web.settings.capture_page import URL, page

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("audit_setting")]


def test_changes_are_listed_by_page_and_column(capture: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncapp.capture.change_list.page.__kwdefaults__", {"before": None, "size": 2})
    for new in ("First", "Second", "Third"):
        change(new=new)
    restored("fax", live=None, new="Fourth", why="overwritten")

    first = page("outlook/changes/")
    older = next(found["href"] for tag, found in first.tags if "before=" in found.get("href", ""))
    second = page("outlook/changes/" + older)

    assert "Fourth" in first.words
    assert "the field was changed again in the CRM" in first.words
    assert "Third" in first.words
    assert "Second" in second.words
    assert "First" in second.words
    assert "Third" not in page("outlook/changes/", column="fax").words


def test_list_without_changes_says_so(capture: Capture) -> None:
    assert "No changes" in page("outlook/changes/").words


def cells(path: str) -> list[list[str]]:
    answer = browser(ada()).get(URL + path)
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def test_counts_are_exported(capture: Capture) -> None:
    restored()
    by_program(program("=cmd()"))

    rows = cells("export.csv")

    assert rows[0][:3] == ["Source", "Evidence", "Column"]
    assert ["Outlook synchronization", "jobtitle", "1", "1", "0", "1 restored"] in [row[:1] + row[2:] for row in rows]
    assert rows[2][0] == "'=cmd()"


def test_changes_are_exported(capture: Capture) -> None:
    entry = restored(old="Buyer", new="=Head")
    change("fax")

    rows = cells("outlook/changes/export.csv?column=jobtitle")

    assert len(rows) == 2
    assert rows[1][1:] == [
        "",
        str(entry.contact_id),
        "jobtitle",
        "Buyer",
        "'=Head",
        "person unknown",
        "Restored",
        "after 9 s",
    ]
