"""Stored column definitions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pytest_django import Settings

from syncapp.crm.staging.records import ColumnType
from syncapp.mirror import columns
from syncapp.models import CrmColumn
from tests.support.factories import store_columns

pytestmark = pytest.mark.django_db


def test_unknown_column_type_is_read_as_other():
    store_columns()
    CrmColumn.objects.filter(name="jobtitle").update(type="duration")

    column = columns.find("contact", "jobtitle")

    assert column is not None
    assert column.type is ColumnType.OTHER
    assert columns.of_table("contact")["jobtitle"].label == column.label


def test_pages_cache_columns_for_five_seconds(
    django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch, settings: Settings
):
    settings.COLUMNS_SECONDS = 5.0
    store_columns()
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    with columns.cached(), django_assert_num_queries(1):
        columns.of_table("contact")

    with columns.cached(), django_assert_num_queries(0):
        columns.of_table("contact")

    monkeypatch.setattr("time.monotonic", lambda: 105.0)
    with columns.cached(), django_assert_num_queries(1):
        columns.of_table("contact")


def test_columns_are_read_each_time_without_cache(django_assert_num_queries: Any, settings: Settings):
    settings.COLUMNS_SECONDS = 5.0
    store_columns()
    with columns.cached():
        columns.of_table("contact")

    with django_assert_num_queries(1):
        columns.of_table("contact")


def test_stored_columns_replace_cached_ones(settings: Settings):
    settings.COLUMNS_SECONDS = 5.0
    store_columns()
    with columns.cached():
        column = columns.of_table("contact")["jobtitle"]

    columns.store("contact", (replace(column, label="Position"),))

    with columns.cached():
        assert columns.of_table("contact")["jobtitle"].label == "Position"
