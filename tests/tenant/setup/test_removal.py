"""Removal of everything that the set-up created, and nothing else."""

from __future__ import annotations

import pytest

from syncapp.tenant.setup.items import SOLUTION, Options, SetupError, State
from tests.tenant.setup.bare import Bare
from tests.tenant.setup.test_plan import TEXT, table

ALL = Options(revision=True)
INTO = {"MSCRM.SolutionUniqueName": SOLUTION}


def test_removal_leaves_crm_as_before(bare):
    before = bare.everything()
    bare.apply(ALL)
    assert bare.everything() != before

    bare.remove()

    assert bare.everything() == before


def test_second_removal_finds_nothing(bare):
    bare.apply()
    bare.remove()

    assert bare.remove().steps == ()


@pytest.mark.parametrize(
    ("path", "row"),
    [("osync_syncrecords", {"osync_name": "Open"}), ("osync_syncfields", {"osync_name": "jobtitle"})],
)
def test_open_edits_prevent_removal(bare, path, row):
    bare.apply()
    bare.send("POST", path, row)
    before = bare.everything()

    with pytest.raises(SetupError, match="holds edits that wait for review"):
        bare.remove()

    assert bare.everything() == before


def test_decided_edits_allow_removal(bare):
    before = bare.everything()
    bare.apply()
    bare.send("POST", "osync_syncrecords", {"osync_name": "Decided", "statecode": 1, "statuscode": 2})

    bare.remove()

    assert bare.everything() == before


def test_tables_made_by_hand_lose_only_added_columns(bare):
    bare.send("POST", "EntityDefinitions", table("osync_SyncRecord", ChangeTrackingEnabled=True))
    before = bare.everything()
    bare.apply()

    bare.remove()

    assert bare.everything() == before


def test_tables_of_the_company_are_kept(bare):
    bare.reset(bare=False)
    before = bare.everything()
    bare.apply(ALL)

    removed = bare.remove()

    assert bare.everything() == before
    assert not any("table" in title for title, _ in removed.steps)


def test_foreign_components_and_their_solution_are_kept(bare):
    bare.apply()
    bare.send("POST", "EntityDefinitions", table("osync_Other"), **INTO)

    kept = bare.remove().kept

    assert [words.split()[0] for words in kept] == ["table"]
    assert SOLUTION in {row["uniquename"] for row in bare.rows("solutions")}
    assert "osync_other" in bare.everything()["definitions"]
    assert "osync_syncrecord" not in bare.everything()["definitions"]


def test_publisher_used_elsewhere_is_kept(bare):
    bare.apply()
    publisher = bare.rows("publishers?$filter=uniquename eq 'outlooksyncportal'")[0]["publisherid"]
    other = {"uniquename": "Other", "friendlyname": "x", "publisherid@odata.bind": f"/publishers({publisher})"}
    bare.send("POST", "solutions", other)

    bare.remove()

    assert bare.rows("publishers?$filter=uniquename eq 'outlooksyncportal'")


def test_managed_solution_is_not_removed(bare):
    bare.apply()
    solution = bare.rows(f"solutions?$filter=uniquename eq '{SOLUTION}'")[0]["solutionid"]
    bare.send("PATCH", f"solutions({solution})", {"ismanaged": True})

    with pytest.raises(SetupError, match="is managed"):
        bare.remove()


def test_foreign_columns_on_contact_are_kept(bare):
    bare.apply(ALL)
    column = {"@odata.type": TEXT, "SchemaName": "osync_Note"}
    bare.send("POST", "EntityDefinitions(LogicalName='contact')/Attributes", column, **INTO)

    kept = bare.remove().kept

    assert [words.split()[0] for words in kept] == ["column"]
    columns = {one["LogicalName"] for one in bare.everything()["definitions"]["contact"]["Attributes"]}
    assert "osync_note" in columns
    assert "osync_revision" not in columns


def test_setup_works_again_after_removal(bare: Bare):
    bare.apply()
    bare.remove()

    bare.apply()

    assert bare.states() == {State.EXISTS}
