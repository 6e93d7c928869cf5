"""Taking out what the set-up made, and nothing else."""

from __future__ import annotations

import pytest

from syncapp.tenant.setup.items import SOLUTION, Options, SetupError
from tests.tenant.setup.test_plan import table

ALL = Options(revision=True)
INTO = {"MSCRM.SolutionUniqueName": SOLUTION}


def test_removal_leaves_crm_as_before(bare):
    before = bare.everything()
    bare.apply(ALL)
    assert bare.everything() != before

    bare.remove()

    assert bare.everything() == before


@pytest.mark.parametrize(
    ("path", "row"),
    [("osync_syncrecords", {"osync_name": "Open"}), ("osync_syncfields", {"osync_name": "jobtitle"})],
)
def test_open_edits_forbid_removal(bare, path, row):
    bare.apply()
    bare.send("POST", path, row)
    before = bare.everything()

    with pytest.raises(SetupError, match="holds edits that wait for review"):
        bare.remove()

    assert bare.everything() == before


def test_own_tables_lose_only_added_columns(bare):
    bare.send("POST", "EntityDefinitions", table("osync_SyncRecord", ChangeTrackingEnabled=True))
    before = bare.everything()
    bare.apply()

    bare.remove()

    assert bare.everything() == before
