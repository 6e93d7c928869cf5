"""UUIDs are read from text; anything else gives None."""

from __future__ import annotations

from uuid import UUID

import pytest

from syncapp.text.ids import parse_uuid

KEY = UUID("1b4e28ba-2fa1-11d2-883f-0016d3cca427")


@pytest.mark.parametrize("text", [str(KEY), str(KEY).upper(), KEY.hex, f"{{{KEY}}}"])
def test_uuid_is_read_in_any_notation(text):
    assert parse_uuid(text) == KEY


@pytest.mark.parametrize("value", ["", "None", "1b4e28ba", None, 7, KEY.int, [str(KEY)]])
def test_invalid_value_returns_none(value):
    assert parse_uuid(value) is None
