"""Changes that count as format only, and similar ones that do not."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps

from syncapp.models import SyncField
from syncapp.models.mirror.change_kind import ChangeKind, kind_of
from tests.support.factories import make_field

SAME = [
    ("telephone1", "+47 22 85 50 50", "+47 228 55 050"),
    ("mobilephone", "(0171) 555-0142", "01715550142"),
    ("emailaddress1", "Marta@Halden.example", " marta@halden.example"),
    ("lastname", "Muller", "MÜLLER"),
    ("lastname", "Gross", "Groß"),
    ("lastname", "Dang", "Đặng".replace("Đ", "D")),
    ("fax", "(+47) 22 85 50 50", "+47 22855050"),
    ("telephone1", "030/12345-6", "030 12345 6"),
    ("telephone1", "+1 425 555 0100,,12#", "+1 (425) 555-0100,,12#"),
    ("jobtitle", "Head of Procurement", "head  of procurement."),
    ("lastname", "O’Rourke", "O'Rourke"),
    ("address1_line1", "Skippergata 14, Oslo", "Skippergata 14\nOslo"),
    ("address1_composite", "Storgata 1\n0152 Oslo", "Storgata 1, 0152 Oslo"),
    ("firstname", "Zoe\u0301", "Zo\u00e9"),
]
OTHER = [
    ("telephone1", "+47 22 85 50 50", "47 22 85 50 50"),
    ("telephone1", "22 85 50 50", "22 85 50 51"),
    ("telephone1", "+1 425 555 0100,,12#", "+1 425 555 010012"),
    ("telephone1", "8001234567,1", "80012345671"),
    ("telephone1", "+1555123456;7890", "+15551234567890"),
    ("telephone1", "+44 20 7946 0958 #3", "+44 20 7946 09583"),
    ("telephone1", "02 9374 4000 * 9", "02 9374 40009"),
    ("telephone1", "*100#", "100"),
    ("telephone1", "030 123 45", "030 123+45"),
    ("telephone1", "8001234567p1", "80012345671"),
    ("telephone1", "8001234567w1", "8001234567 1"),
    ("telephone1", "22 85\u00d72", "22 852"),
    ("lastname", "MÜLLER", "Muller"),
    ("lastname", "Cañada", "Canada"),
    ("lastname", "Åkesson", "Akesson"),
    ("lastname", "Groß", "Gross"),
    ("lastname", "Đặng", "Đang"),
    ("lastname", "Zo\u00eb", "Zo\u00e9"),
    ("lastname", "München-Müller", "Munchen-Müller"),
    ("emailaddress1", "gro\u00df@halden.example", "gross@halden.example"),
    ("telephone1", "22 85 50 50 ext 2", "22 85 50 50"),
    ("emailaddress1", "m.arta@halden.example", "marta@halden.example"),
    ("creditlimit", "1234.5", "12345"),
    ("creditlimit", "5", "-5"),
    ("interests", "1,3", "13"),
    ("address1_line1", "Skippergata 14", "Skippergata 1 4"),
    ("jobtitle", "C# developer", "C developer"),
    ("websiteurl", "https://a.example/b-c", "https://a.example/bc"),
    ("firstname", "Marta", "Mаrta"),  # the second one has a Cyrillic letter
    ("lastname", "Solberg", "Sol\u200bberg"),
    ("jobtitle", "...", "???"),
    ("birthdate", "1979-03-14", "1987-03-14"),
]


@pytest.mark.parametrize(("column", "original", "proposed"), SAME)
def test_equivalent_value_counts_as_format_change(column, original, proposed):
    assert kind_of(column, original, proposed) is ChangeKind.FORMAT


@pytest.mark.parametrize(("column", "original", "proposed"), OTHER)
def test_different_meaning_counts_as_other_change(column, original, proposed):
    assert kind_of(column, original, proposed) is ChangeKind.OTHER


@pytest.mark.parametrize(
    ("original", "proposed", "kind"),
    [
        (None, "Chief", ChangeKind.FILLED),
        ("", "Chief", ChangeKind.FILLED),
        ("Chief", None, ChangeKind.CLEARED),
        (None, "", ChangeKind.FORMAT),
    ],
)
def test_null_and_empty_text_are_equal(original, proposed, kind):
    assert kind_of("jobtitle", original, proposed) is kind


@pytest.mark.django_db
def test_migration_reclassifies_format_changes():
    migration = import_module("syncapp.migrations.0029_format_changes_judged_again")
    accents = make_field(column="lastname", original_value="Müller", proposed_value="Muller", change_kind="format")
    dialed = make_field(column="fax", original_value="1,2", proposed_value="12", change_kind="format")
    format_only = make_field(column="fax", original_value="1 2", proposed_value="12", change_kind="format")
    decided = make_field(column="fax", original_value="1,2", proposed_value="12", change_kind="format")
    SyncField.objects.filter(pk=decided.pk).update(decision="rejected", delivery="done")

    migration.judge_again(apps, None)

    kinds = dict(SyncField.objects.values_list("pk", "change_kind"))
    assert kinds == {accents.pk: "other", dialed.pk: "other", format_only.pk: "format", decided.pk: "format"}
