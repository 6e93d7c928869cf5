"""Unusual definitions of tables and keys."""

from __future__ import annotations

from typing import Any

import pytest

from syncapp.crm.errors import ProtocolError
from syncapp.crm.metadata.tables import Metadata


class Fixed:
    """A transport that always gives this answer."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self._answer = answer

    def get(self, path: str, **options: Any) -> dict[str, Any]:
        return self._answer


@pytest.mark.parametrize("columns", [None, "osync_operationid", [1]])
def test_key_without_columns_is_refused(columns) -> None:
    row = {"LogicalName": "key", "KeyAttributes": columns, "EntityKeyIndexStatus": "Active"}

    with pytest.raises(ProtocolError):
        Metadata(Fixed({"value": [row]})).keys("contact")


def test_key_with_pending_index_is_not_enforced() -> None:
    row = {"LogicalName": "key", "KeyAttributes": ["a"], "EntityKeyIndexStatus": "Pending"}
    (key,) = Metadata(Fixed({"value": [row]})).keys("contact")

    assert not key.is_enforced


def test_unreadable_managed_property_is_refused() -> None:
    with pytest.raises(ProtocolError):
        Metadata(Fixed({"value": [{"LogicalName": "fax", "IsAuditEnabled": True}]})).auditing("contact")
