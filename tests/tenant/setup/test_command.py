"""`manage.py crm_setup`: what it prints, how it ends, and the whole way to a reviewed edit."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command


@pytest.fixture
def token_file(bare, tmp_path):
    path = tmp_path / "token"
    path.write_text(bare.token())
    return path


def run(*arguments: object, capsys) -> str:
    call_command("crm_setup", *map(str, arguments))
    return capsys.readouterr().out


def test_plan_is_printed_and_nothing_written(bare, token_file, capsys):
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


def test_taken_name_ends_with_error(bare, token_file):
    bare.send("POST", "roles", {"name": "Outlook Sync Portal"})

    with pytest.raises(CommandError, match="taken with another meaning"):
        call_command("crm_setup", "--token-file", str(token_file))
    with pytest.raises(CommandError, match="this command did not make it"):
        call_command("crm_setup", "--apply", "--token-file", str(token_file))
