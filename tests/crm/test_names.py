"""Names of the CRM's tables and columns, and their overrides."""

from __future__ import annotations

import pytest

from syncapp.crm.names import Names


def test_default_names_are_our_staging_tables():
    names = Names.from_mapping({})

    assert (names.record_set, names.field_set) == ("osync_syncrecords", "osync_syncfields")
    assert names == Names()


def test_table_name_can_be_overridden():
    names = Names.from_mapping({"field_set": "acme_stagings", "field_original": "acme_old"})

    assert (names.field_set, names.field_original) == ("acme_stagings", "acme_old")
    assert names.field_proposed == Names().field_proposed


def test_unknown_key_is_reported():
    with pytest.raises(ValueError, match="field_orignal"):
        Names.from_mapping({"field_orignal": "acme_old"})


@pytest.mark.parametrize("name", ["", "a b", "a?$filter=x", "a/b", "x" * 200])
def test_invalid_name_is_refused(name):
    with pytest.raises(ValueError, match="field_set"):
        Names.from_mapping({"field_set": name})
