"""The T-SQL for on-premises databases, executed on a copy of the tables, and its inverse."""

from __future__ import annotations

import uuid
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from syncapp.models import FilterMembership, FilterTeam, FilterUnit, FilterUser
from syncapp.sync_filters.inventory import user_lists
from tests.sync_filters.on_premises.database import Copy, RaisedError
from tests.sync_filters.users import make_user

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


def test_off_switches_active_filters_only(copy: Copy) -> None:
    before = copy.states()

    copy.execute(printed("--off", "--saved", "kept"))

    changed = {"anna meetings", "anna series", "ben meetings"}
    assert copy.states() == before | dict.fromkeys(changed, OFF)


def test_inverse_restores_exact_states(copy: Copy) -> None:
    before = copy.states()
    copy.execute(printed("--off", "--saved", "kept"))

    copy.execute(inverse("--off", "--saved", "kept"))

    assert copy.states() == before
    assert copy.states()["anna old meetings"] == OFF


def test_inverse_undoes_switching_on(copy: Copy) -> None:
    before = copy.states()
    copy.execute(printed("--on", "--saved", "kept"))
    assert copy.states()["anna old meetings"] == ON

    copy.execute(inverse("--on", "--saved", "kept"))

    assert copy.states() == before


def test_inverse_restores_unusual_status(copy: Copy) -> None:
    copy.change("anna meetings", state=0, status=3)
    copy.execute(printed("--off", "--saved", "kept"))

    copy.execute(inverse("--off", "--saved", "kept"))

    assert copy.states()["anna meetings"] == (0, 3)


def test_inverse_skips_filters_changed_after_script(copy: Copy) -> None:
    copy.execute(printed("--off", "--saved", "kept"))
    copy.change("anna meetings", state=0, status=3)

    copy.execute(inverse("--off", "--saved", "kept"))

    assert copy.states()["anna meetings"] == (0, 3)
    assert copy.states()["ben meetings"] == ON


def test_only_named_users_and_tables_change(copy: Copy) -> None:
    before = copy.states()

    copy.execute(printed("--off", "--saved", "kept", "--tables", "appointment", "--users", "CORP\\o'neil"))

    assert copy.states() == before | {"ben meetings": OFF}


def test_users_are_read_from_file(copy: Copy, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("\ufeffCORP\\anna\n\n", encoding="utf-8")

    copy.execute(printed("--off", "--saved", "kept", "--users-file", names))

    assert copy.states()["anna meetings"] == OFF
    assert copy.states()["ben meetings"] == ON


@pytest.mark.parametrize(
    "text",
    [
        "CORP\\anna, CORP\\o'neil",
        "CORP\\anna;CORP\\o'neil;",
        "User,Login\nAnna,CORP\\anna\nBen,CORP\\o'neil",
        'sep=;\n"Login";"Note"\n"CORP\\anna";"a; b\nc"\n"CORP\\o\'neil";""',
    ],
)
def test_users_file_is_read_completely(copy: Copy, tmp_path: Path, text: str) -> None:
    names = tmp_path / "names.csv"
    names.write_bytes(text.encode("utf-16"))

    copy.execute(printed("--off", "--saved", "kept", "--users-file", names))

    assert {copy.states()["anna meetings"], copy.states()["ben meetings"]} == {OFF}


@pytest.mark.django_db
def test_users_file_with_unread_entries_is_refused(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("CORP\\anna;Sales\n", encoding="utf-8")

    with pytest.raises(CommandError, match="“Sales” next to"):
        printed("--off", "--users-file", names)


@pytest.mark.django_db
def test_group_is_printed_as_logon_names(copy: Copy, capsys: pytest.CaptureFixture[str]) -> None:
    anna, ben = make_user("Anna", login=r"CORP\anna"), make_user("Ben", login="")
    team = FilterTeam.objects.create(pk=uuid.uuid4(), name="North")
    unit = FilterUnit.objects.create(pk=uuid.uuid4(), name="Sales")
    FilterUser.objects.update(unit_id=unit.pk)
    for user in (anna, ben):
        FilterMembership.objects.create(team_id=team.pk, user_id=user.pk)
    user_lists.save("Riva", [anna.address, "nobody@else.example"], by=None)
    before = copy.states()

    scripts = [printed("--off", "--saved", "kept", *group) for group in (("--team", "north"), ("--unit", "Sales"))]
    scripts.append(printed("--off", "--saved", "kept", "--list", "Riva"))

    assert len(set(scripts)) == 1
    copy.execute(scripts[0])
    assert copy.states() == before | {"anna meetings": OFF, "anna series": OFF}
    assert "1 without a logon name left out" in capsys.readouterr().err


@pytest.mark.django_db
def test_addresses_and_names_become_logon_names(copy: Copy) -> None:
    anna = make_user("Anna Berg", login=r"CORP\anna")

    assert printed("--off", "--saved", "kept", "--users", anna.address) == printed(
        "--off", "--saved", "kept", "--users", "Berg, Anna"
    )
    assert "N'CORP\\anna'" in printed("--off", "--users", anna.address)


@pytest.mark.django_db
@pytest.mark.parametrize("group", ["--team", "--unit", "--list"])
def test_unknown_group_is_refused(group: str) -> None:
    with pytest.raises(CommandError, match="is called Nowhere"):
        printed("--off", group, "Nowhere")


def test_script_names_database_and_count(copy: Copy) -> None:
    assert "in the organization's database (named like Contoso_MSCRM)" in printed("--off")

    copy.execute(printed("--off", "--saved", "kept", "--database", "Contoso_MSCRM"))

    assert (copy.used, copy.shown[-1]) == (["Contoso_MSCRM"], (3,))


def test_expected_count_is_switched(copy: Copy) -> None:
    before = copy.states()

    copy.execute(printed("--off", "--saved", "kept", "--expect", 3))

    assert copy.states() != before


def test_unexpected_count_changes_nothing(copy: Copy) -> None:
    before = copy.states()

    with pytest.raises(RaisedError):
        copy.execute(printed("--off", "--saved", "kept", "--expect", 4))

    assert copy.states() == before


def test_unknown_name_changes_nothing(copy: Copy) -> None:
    before = copy.states()

    with pytest.raises(RaisedError, match="Nothing was changed"):
        copy.execute(printed("--off", "--saved", "kept", "--users", r"CORP\anna", r"CORP\nobody"))

    assert copy.states() == before
    assert "kept" not in copy.tables()


def test_script_fails_if_update_count_differs(copy: Copy) -> None:
    before = copy.states()
    script = printed("--off", "--saved", "kept")
    blind = script.replace("WHERE UserQueryId IN", "WHERE StateCode = 7 AND UserQueryId IN")
    assert blind != script

    with pytest.raises(RaisedError):
        copy.execute(blind)

    assert copy.states() == before


def test_second_execution_with_same_record_fails(copy: Copy) -> None:
    script = printed("--off", "--saved", "kept")
    copy.execute(script)

    with pytest.raises(Exception, match="already exists"):
        copy.execute(script)


def test_printed_inverse_is_commented_out() -> None:
    script = printed("--off", "--saved", "kept")

    assert script.count("\nBEGIN TRANSACTION;") == 1
    assert "--| BEGIN TRANSACTION;" in script
    assert "not supported" in script


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--off", "--tables", "apointments"], "Unknown tables: apointments"),
        (["--off", "--saved", "x; DROP TABLE y"], "only letters, digits and _"),
        (["--off", "--inverse"], "--saved NAME"),
        (["--off", "--database", "x]; DROP TABLE y"], "name of the database"),
        (["--off", "--expect", "-1"], "0 or more"),
        (["--off", "--users-file", "no-such-file"], "cannot be read"),
    ],
)
def test_invalid_arguments_are_refused(arguments: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        printed(*arguments)


def test_on_or_off_is_required() -> None:
    with pytest.raises(CommandError, match="--on --off"):
        printed()
