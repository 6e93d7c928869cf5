"""The same edits staged by the plug-in and by capture: the same rows, for columns of every type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import pytest

from dataverse_sandbox.catalog import BY_NAME, Kind
from dataverse_sandbox.catalog import Column as SandboxColumn
from syncapp.capture.columns import TABLE
from syncapp.connection import clients
from syncapp.mirror import columns
from syncapp.models import Capture, CaptureValue
from tests.capture.conftest import Company
from tests.capture.staging_scene import stage

pytestmark = [pytest.mark.django_db(transaction=True)]

TRACKED = {column.name: column for column in BY_NAME["contact"].columns if column.tracked}
# One column of each type.
KINDS = {column.kind: column.name for column in TRACKED.values()}
BY_TYPE = tuple(KINDS.values())
CLEARED = 2
VALUES: Mapping[Kind, tuple[Any, Any]] = {
    Kind.TEXT: ("Änne  x\u200b", "שלום"),
    Kind.MEMO: ("Line\r\n\r\nline", "Tab\tand – dash"),
    Kind.YES_NO: (True, False),
    Kind.INTEGER: (3, 0),
    Kind.DECIMAL: (12.5, 0.25),
    Kind.DOUBLE: (12.345678, -0.5),
    Kind.MONEY: (1000, 1234.5),
    Kind.DATE: ("1980-02-29", "2026-11-30"),
    Kind.DATE_TIME: ("2026-11-20T09:30:00Z", "2026-03-29T01:30:00Z"),
}
Edit = tuple[str, int, Mapping[str, Any]]  # the editor, the number of the contact, and the changes
Fields = frozenset[tuple[str, Any, Any, Any, Any]]


def value(column: SandboxColumn, number: int, targets: Mapping[str, Sequence[str]]) -> Any:
    """Return one of two values of a column, or an empty one, as Outlook sends it."""
    if number == CLEARED:
        return None
    if column.kind is Kind.CHOICE:
        return column.options[number % len(column.options)].value
    if column.kind is Kind.CHOICES:
        return ",".join(str(option.value) for option in column.options[: 2 - number])
    if column.kind is Kind.LOOKUP:
        table = column.targets[number % len(column.targets)]
        return f"{table}:{targets[table][number]}"
    return VALUES[column.kind][number]


def edits(company: Company) -> list[Edit]:
    """Return edits of single columns, of all at once, and chains of edits."""
    targets = {  # the last rows, because edits of a contact change its name
        table: sorted((row[f"{table}id"] for row in company.rows(f"{table}s", select=f"{table}id")), reverse=True)
        for table in ("account", "contact", "systemuser")
    }

    def changes(names: Sequence[str], number: int) -> dict[str, Any]:
        return {name: value(TRACKED[name], number, targets) for name in names}

    # The same value twice is one change where the first one stays in the CRM until it is restored.
    every = tuple(name for name, column in TRACKED.items() if column.kind is not Kind.CHOICE or len(column.options) > 1)
    found: list[Edit] = [("Jonas Weber", 0, changes(every, number)) for number in (0, 1, CLEARED)]
    found += [("Rita Lindqvist", 1, changes(every, number)) for number in (CLEARED, 1)]
    for number, name in enumerate(BY_TYPE, start=2):
        found += [("Jonas Weber", number, changes([name], each)) for each in (0, CLEARED, 1)]
    return found


def edit_all(company: Company) -> None:
    contacts = sorted(UUID(row["contactid"]) for row in company.rows("contacts", select="contactid"))
    for editor, number, changes in edits(company):
        company.outlook_by(editor, contacts[number], **changes)


def staged_edits(company: Company) -> Counter[tuple[str, str, str, Fields]]:
    """Return the contact, its name, editor and fields of each staged edit; the order within a second is not known."""
    fields: dict[str, set[tuple[str, Any, Any, Any, Any]]] = {}
    for row in company.rows("osync_syncfields"):
        texts = (row["osync_originalvalue"], row["osync_proposedvalue"])
        labels = (row["osync_originallabel"], row["osync_proposedlabel"])
        fields.setdefault(row["_osync_syncrecord_value"], set()).add((row["osync_name"], *texts, *labels))
    return Counter(
        (
            row["osync_targetid"],
            row["osync_name"],
            row["_osync_editor_value"],
            frozenset(fields[row["osync_syncrecordid"]]),
        )
        for row in company.rows("osync_syncrecords")
    )


@pytest.fixture
def larger(restoring: Company) -> Company:
    """Return a company with a contact for each type of column."""
    restoring.begin(contacts=len(BY_TYPE) + 4)
    restoring.switch_on()
    return restoring


@pytest.mark.long
def test_plug_in_and_capture_stage_the_same_rows(larger: Company) -> None:
    larger.switch_plugin(enabled=True)
    edit_all(larger)
    by_plug_in = staged_edits(larger)

    larger.begin(contacts=len(BY_TYPE) + 4)
    larger.switch_on()
    Capture.objects.update(max_restores=10_000)
    edit_all(larger)
    stage(larger)

    by_capture = staged_edits(larger)
    assert by_capture - by_plug_in == Counter()
    assert by_plug_in - by_capture == Counter()
    assert {TRACKED[name].kind for *_, fields in by_capture for name, *_ in fields} == set(KINDS)


def test_audited_values_equal_live_values(company: Company) -> None:
    contact, known = company.contact(), columns.of_table(TABLE)
    targets = {"account": [str(company.account())] * 2, "systemuser": [str(company._own_id())] * 2}
    targets["contact"] = [str(company.contact(1))] * 2
    company.outlook(contact, **{name: value(TRACKED[name], 0, targets) for name in TRACKED})

    company.read()

    named = [known[name] for name in TRACKED]
    live = clients.verified_client().live_contacts({contact: named})[contact]
    audited = CaptureValue.objects.filter(entry__contact_id=contact)
    assert audited.count() > len(TRACKED) / 2
    for found in audited:
        assert (found.new_known, found.new_value) == (True, live.values[found.column_name]), found.column_name
