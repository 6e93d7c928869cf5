"""Gaps in the audit log: they prevent restoring, but only of the columns that they concern."""

from __future__ import annotations

from datetime import timedelta

import pytest

from syncapp.models import Capture, CaptureGap
from syncapp.models.jobs.job import database_now
from tests.capture.conftest import Company
from tests.capture.staging_scene import results, stage

pytestmark = pytest.mark.django_db(transaction=True)


def switch_off(column: str) -> None:
    """Let the next round find that a column is no longer audited."""
    capture = Capture.objects.get()
    capture.audited_since[column] = "2026-01-01T00:00:00+00:00"
    capture.switches_read_at = None
    capture.save()


def gap(columns: list[str] | None) -> None:
    """Record a gap that has lasted for an hour."""
    begins_at = database_now(plus=-3600)
    CaptureGap.objects.create(reason=CaptureGap.Reason.AUDITING_OFF, begins_at=begins_at, columns=columns)


@pytest.mark.parametrize(
    ("columns", "restored"), [(["jobtitle"], {"fax"}), (["pager"], {"jobtitle", "fax"}), (None, set())]
)
def test_gap_blocks_restoring_its_columns_only(restoring: Company, columns, restored) -> None:
    gap(columns)
    restoring.outlook(restoring.contact(), jobtitle="Pilot", fax="+47 55 0")

    stage(restoring)

    assert {column for column, result, _ in results() if result == "restored"} == restored
    assert {reason for _, result, reason in results() if result == "not_restored"} <= {"not_allowed"}


def test_gap_in_other_columns_is_recorded_separately(company: Company) -> None:
    switch_off("gone")
    company.read()
    switch_off("also_gone")
    company.read()

    first, second = CaptureGap.objects.order_by("pk")
    assert (first.columns, second.columns) == (["gone"], ["also_gone", "gone"])
    assert first.ends_at is not None
    assert second.ends_at is None
    assert second.begins_at <= first.ends_at + timedelta(seconds=1)


def test_same_gap_is_recorded_once(company: Company) -> None:
    for _ in range(2):
        switch_off("gone")
        company.read()

    assert CaptureGap.objects.count() == 1
