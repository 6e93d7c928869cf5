"""The T-SQL for on-premises databases does what it says on a copy of the tables, and its inverse undoes just that."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.filters.on_premises import Copy, RaisedError

ON, OFF = (0, 1), (1, 2)


@pytest.fixture
def copy() -> Copy:
    copy = Copy()
    anna, ben = copy.add_user(r"CORP\anna"), copy.add_user("CORP\\o'neil")
    copy.add_filter("anna meetings", owner=anna)
    copy.add_filter("anna series", owner=anna, code=4251)
    copy.add_filter("anna old meetings", owner=anna, on=False)
    copy.add_filter("anna contacts", owner=anna, code=2)
    copy.add_filter("anna's view", owner=anna, query_type=0)
    copy.add_filter("ben meetings", owner=ben)
    return copy


def printed(*arguments: object) -> str:
    output = StringIO()
    call_command("filter_sql", *map(str, arguments), stdout=output)
    return output.getvalue()


def inverse(*arguments: object) -> str:
    return printed(*arguments, "--inverse")


def test_off_switches_off_what_is_on_and_nothing_else(copy: Copy) -> None:
    before = copy.states()

    copy.execute(printed("--off", "--saved", "kept"))

    changed = {"anna meetings", "anna series", "ben meetings"}
    assert copy.states() == before | dict.fromkeys(changed, OFF)


def test_the_inverse_restores_what_was_found_and_leaves_off_what_was_off_before(copy: Copy) -> None:
    before = copy.states()
    copy.execute(printed("--off", "--saved", "kept"))

    copy.execute(inverse("--off", "--saved", "kept"))

    assert copy.states() == before
    assert copy.states()["anna old meetings"] == OFF


def test_on_and_its_inverse(copy: Copy) -> None:
    before = copy.states()
    copy.execute(printed("--on", "--saved", "kept"))
    assert copy.states()["anna old meetings"] == ON

    copy.execute(inverse("--on", "--saved", "kept"))

    assert copy.states() == before


def test_an_unusual_status_comes_back_as_it_was(copy: Copy) -> None:
    copy.change("anna meetings", state=0, status=3)
    copy.execute(printed("--off", "--saved", "kept"))

    copy.execute(inverse("--off", "--saved", "kept"))

    assert copy.states()["anna meetings"] == (0, 3)


def test_what_its_owner_changed_since_is_left_alone(copy: Copy) -> None:
    copy.execute(printed("--off", "--saved", "kept"))
    copy.change("anna meetings", state=0, status=3)

    copy.execute(inverse("--off", "--saved", "kept"))

    assert copy.states()["anna meetings"] == (0, 3)
    assert copy.states()["ben meetings"] == ON


def test_for_named_users_and_tables_only(copy: Copy) -> None:
    before = copy.states()

    copy.execute(printed("--off", "--saved", "kept", "--tables", "appointment", "--users", "CORP\\o'neil"))

    assert copy.states() == before | {"ben meetings": OFF}


def test_users_come_from_a_file_too(copy: Copy, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("\ufeffCORP\\anna\n\n", encoding="utf-8")

    copy.execute(printed("--off", "--saved", "kept", "--users-file", names))

    assert copy.states()["anna meetings"] == OFF
    assert copy.states()["ben meetings"] == ON


def test_a_name_that_nobody_has_changes_nothing(copy: Copy) -> None:
    before = copy.states()

    with pytest.raises(RaisedError, match="Nothing was changed"):
        copy.execute(printed("--off", "--saved", "kept", "--users", r"CORP\anna", r"CORP\nobody"))

    assert copy.states() == before
    assert "kept" not in copy.tables()


def test_a_count_that_differs_changes_nothing(copy: Copy) -> None:
    before = copy.states()
    script = printed("--off", "--saved", "kept")
    blind = script.replace("WHERE UserQueryId IN", "WHERE StateCode = 7 AND UserQueryId IN")
    assert blind != script

    with pytest.raises(RaisedError):
        copy.execute(blind)

    assert copy.states() == before


def test_run_twice_it_stops_before_it_forgets_what_was_found_first(copy: Copy) -> None:
    script = printed("--off", "--saved", "kept")
    copy.execute(script)

    with pytest.raises(Exception, match="already exists"):
        copy.execute(script)


def test_the_whole_output_does_not_undo_itself_and_says_what_it_risks() -> None:
    script = printed("--off", "--saved", "kept")

    assert script.count("\nBEGIN TRANSACTION;") == 1
    assert "--| BEGIN TRANSACTION;" in script
    assert "not supported" in script


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--off", "--tables", "appointments"], "Unknown tables: appointments"),
        (["--off", "--saved", "x; DROP TABLE y"], "letters, digits and _ only"),
        (["--off", "--inverse"], "--saved NAME"),
        (["--off", "--users-file", "no-such-file"], "cannot be read"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(arguments: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        printed(*arguments)


def test_the_way_has_to_be_named() -> None:
    with pytest.raises(CommandError, match="--on --off"):
        printed()
