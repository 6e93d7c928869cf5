"""Tables as people type them, in every command."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError

from syncapp.sync_filters.table_names import tables_of
from tests.sync_filters.on_premises.test_filter_sql import printed
from tests.sync_filters.test_filters_command import output_of

ALL = ("appointment", "serviceappointment", "recurringappointmentmaster")
TYPED = [
    ["appointment,serviceappointment,recurringappointmentmaster"],
    ["appointment,", "serviceappointment,", "recurringappointmentmaster"],
    ["4201", "4214", "4251"],
    ["4201,4214;4251"],
    ["Appointment", "ServiceAppointment", "RECURRINGAPPOINTMENTMASTER"],
    ["appointments"],
    ["Appointment", "service appointments", "Recurring series"],
    ["Appointment", "Service activity", "Recurring appointment"],
]


@pytest.mark.parametrize("words", TYPED)
def test_all_spellings_name_three_appointment_tables(words: list[str]) -> None:
    assert tables_of(words) == ALL
    assert "ReturnedTypeCode IN (4201, 4214, 4251)" in printed("--off", "--saved", "kept", "--tables", *words)


@pytest.mark.parametrize(
    ("word", "table"), [("Contacts", "contact"), ("2", "contact"), ("Phone calls", "phonecall"), ("faxes", "fax")]
)
def test_labels_plurals_and_codes_name_tables(word: str, table: str) -> None:
    assert tables_of([word]) == (table,)


@pytest.mark.django_db
@pytest.mark.parametrize("words", TYPED)
def test_plan_command_accepts_same_names(words: list[str]) -> None:
    planned = json.loads(output_of("plan", "--off", "--everybody", "--json", "--tables", *words))

    assert tuple(planned["tables"]) == ALL


@pytest.mark.django_db
@pytest.mark.parametrize("word", ["apointments", "4202", "4201x", "account", ","])
def test_unknown_tables_are_refused(word: str) -> None:
    for command in (lambda: printed("--off", "--tables", word), lambda: output_of("plan", "--off", "--tables", word)):
        with pytest.raises(CommandError, match=r"Unknown tables: .*known tables: appointment"):
            command()
