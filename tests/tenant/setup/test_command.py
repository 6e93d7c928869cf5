"""`manage.py crm_setup`: what it prints, how it ends, and the complete path to a reviewed edit."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from syncapp.models.person import Role
from syncapp.tenant.setup.items import State
from tests.support.world import World
from tests.tenant.setup.bare import Bare


@pytest.fixture
def token_file(bare, tmp_path):
    path = tmp_path / "token"
    path.write_text(bare.token())
    return path


def run(*arguments: object, capsys) -> str:
    call_command("crm_setup", *map(str, arguments))
    return capsys.readouterr().out


def test_plan_is_printed_and_nothing_is_written(bare, token_file, capsys):
    before = bare.everything()

    printed = run("--token-file", token_file, capsys=capsys)

    assert "would be created table osync_syncrecord" in printed
    assert "Nothing was written. Run it again with --apply." in printed
    assert bare.everything() == before


def test_apply_prints_each_item_and_next_steps(bare, token_file, capsys):
    printed = run("--apply", "--token-file", token_file, capsys=capsys)

    assert "created: column osync_syncfield.osync_decision" in printed
    assert "Assign the security role Outlook Sync Portal" in printed
    assert "The contact has no column osync_revision" in printed
    again = run("--token-file", token_file, capsys=capsys)
    assert "would be" not in again
    assert "Nothing was written" not in again


def test_taken_name_ends_setup_with_error(bare, token_file):
    unit = bare.environment().reads.top_unit()
    bare.send("POST", "roles", {"name": "Outlook Sync Portal", "businessunitid@odata.bind": f"businessunits({unit})"})

    with pytest.raises(CommandError, match="already used for something else"):
        call_command("crm_setup", "--token-file", str(token_file))
    with pytest.raises(CommandError, match="this command did not make it"):
        call_command("crm_setup", "--apply", "--token-file", str(token_file))


def test_removal_is_previewed_before_apply(bare, token_file, capsys):
    before = bare.everything()
    run("--apply", "--with-revision", "--token-file", token_file, capsys=capsys)

    shown = run("--remove", "--token-file", token_file, capsys=capsys)
    assert "would be deleted table osync_syncfield" in shown
    assert bare.everything() != before
    run("--remove", "--apply", "--token-file", token_file, capsys=capsys)

    assert bare.everything() == before
    assert "There is nothing to remove." in run("--remove", "--token-file", token_file, capsys=capsys)


def test_missing_rights_are_reported(bare, tmp_path, capsys):
    path = tmp_path / "token"
    path.write_text(bare.token("Rita Lindqvist"))

    with pytest.raises(CommandError, match="needs System Administrator or System Customizer"):
        call_command("crm_setup", "--apply", "--token-file", str(path))

    assert "Signed in as Rita Lindqvist." in capsys.readouterr().out


def test_interrupted_setup_says_it_can_continue(bare, token_file):
    bare.control("PUT", "faults", {"rules": [{"method": "POST", "path": "EntityDefinitions", "cut": "after_commit"}]})

    with pytest.raises(CommandError, match="it continues where it stopped"):
        call_command("crm_setup", "--apply", "--token-file", str(token_file))

    bare.control("DELETE", "faults")
    call_command("crm_setup", "--apply", "--token-file", str(token_file))
    assert bare.states() == {State.EXISTS}


def test_token_is_never_logged(bare, token_file, capsys, caplog):
    with caplog.at_level(logging.DEBUG):
        printed = run("--apply", "--token-file", token_file, "--verbosity", "2", capsys=capsys)

    assert "POST EntityDefinitions" in caplog.text
    assert token_file.read_text() not in printed + caplog.text


def test_requests_are_not_logged_by_default(bare, token_file, capsys, caplog):
    with caplog.at_level(logging.INFO):
        run("--token-file", token_file, capsys=capsys)

    assert "GET EntityDefinitions" not in caplog.text


@pytest.mark.parametrize("content", ["", "not a token", '{"accessToken": 1}', "{"])
def test_file_without_token_is_refused(bare, tmp_path, content):
    path = tmp_path / "token"
    path.write_text(content)

    with pytest.raises(CommandError, match="The token file holds no token"):
        call_command("crm_setup", "--token-file", str(path))


def test_missing_token_file_is_refused(bare):
    with pytest.raises(CommandError, match="The token file cannot be read"):
        call_command("crm_setup", "--token-file", "/nowhere/token")


def test_token_of_azure_cli_is_read(bare, tmp_path, capsys):
    path = tmp_path / "token"
    path.write_text(json.dumps({"accessToken": bare.token(), "expiresOn": "2026-11-30"}))

    assert "would be created" in run("--token-file", path, capsys=capsys)


def test_expired_token_is_refused(bare, token_file):
    bare.control("POST", "expire", {"access_tokens": True})

    with pytest.raises(CommandError, match="CredentialsRefused"):
        call_command("crm_setup", "--token-file", str(token_file))


def test_printed_app_roles_match_code(capsys):
    roles = json.loads(run("--app-roles", capsys=capsys))["appRoles"]

    assert [role["value"] for role in roles] == [role.value for role in Role]
    assert len({role["id"] for role in roles}) == len(roles)


def test_export_lists_columns_privileges_and_roles(capsys):
    printed = run("--export", capsys=capsys)

    for words in ("`osync_operationid`", "410000000 = Pending", "`prvAdminFilter`", "`FilterManager`", "Track changes"):
        assert words in printed


def test_edit_is_reviewed_after_setup(world: World, sandbox, tmp_path, capsys):
    world.reset(bare=True)
    bare = Bare(sandbox)
    path: Path = tmp_path / "token"
    path.write_text(bare.token())
    run("--apply", "--with-revision", "--token-file", path, capsys=capsys)

    field = world.edited(jobtitle="Pilot")["jobtitle"]
    world.decide(approve=(field,))
    world.deliver()

    contact = world.rows("contacts", select="contactid,jobtitle")
    assert "Pilot" in {row["jobtitle"] for row in contact}
    field.refresh_from_db()
    assert field.delivery == "done"
    world.reset()
