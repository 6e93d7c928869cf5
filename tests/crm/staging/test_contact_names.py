"""The name of a staged edit: the contact's name after its originals are restored."""

from __future__ import annotations

import pytest

from syncapp.crm.staging.contact_names import name_after


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        ("Ann Berg", "Ann Dahl"),
        ("Ann Cato Berg", "Ann Cato Dahl"),
        ("Ann C. Berg", "Ann C. Dahl"),
        ("Berg, Ann", "Dahl, Ann"),
        ("Berg, Ann Cato", "Dahl, Ann Cato"),
        ("Berg Ann", "Dahl Ann"),
        ("BergAnn", "DahlAnn"),
        ("Dr. Berg", "Dr. Berg"),
    ],
)
def test_restored_name_part_appears_in_full_name(present: str, expected: str) -> None:
    values = {"fullname": present, "firstname": "Ann", "middlename": "Cato", "lastname": "Berg"}

    assert name_after(values, {"lastname": "Dahl"}) == expected


def test_full_name_follows_cleared_and_filled_parts() -> None:
    values = {"fullname": "Ann", "firstname": "Ann", "middlename": None, "lastname": None, "jobtitle": "Pilot"}

    assert name_after(values, {"lastname": "Dahl"}) == "Ann Dahl"
    assert name_after(values, {"firstname": None, "lastname": "Dahl"}) == "Dahl"


def test_unrelated_restore_keeps_full_name() -> None:
    values = {"fullname": "Ann Berg", "firstname": "Ann", "lastname": "Berg"}

    assert name_after(values, {"jobtitle": "Buyer"}) == "Ann Berg"
