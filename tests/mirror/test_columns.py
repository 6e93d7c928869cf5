"""Stored column definitions."""

from __future__ import annotations

import pytest

from syncapp.crm.staging.records import ColumnType
from syncapp.mirror import columns
from syncapp.models import CrmColumn
from tests.support.factories import store_columns

pytestmark = pytest.mark.django_db


def test_type_of_newer_release_is_unknown():
    store_columns()
    CrmColumn.objects.filter(name="jobtitle").update(type="duration")

    column = columns.find("contact", "jobtitle")

    assert column is not None
    assert column.type is ColumnType.OTHER
    assert columns.of_table("contact")["jobtitle"].label == column.label
