"""`manage.py filters` prints what the pages show, and starts nothing."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from syncapp.models import FilterRun, FilterUser
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES
from syncapp.sync_filters.runs import creation, previews
from tests.support.people import fred


def output_of(*arguments: str) -> str:
    out = StringIO()
    call_command("filters", *arguments, stdout=out)
    return out.getvalue()


def test_list_shows_state_of_appointment_filters(read):
    found = json.loads(output_of("list", "--limit", "0", "--json"))

    held = FilterUser.objects.people()
    assert {each["name"]: each["appointments"] for each in found["users"]} == dict(
        held.values_list("name", "appointments")
    )
    assert "Rita Lindqvist" in output_of("list", "--search", "rita")
    assert "Rita Lindqvist" not in output_of("list", "--state", "mixed")


def test_names_cannot_break_terminal_lines(read):
    FilterUser.objects.filter(name="Rita Lindqvist").update(name="Rita\nForged\x1b[2J\u202e")

    words = output_of("list", "--search", "rita")

    assert "Rita[line break]Forged[U+001B][2J[right-to-left override]" in words


def test_list_reports_its_limit(read):
    users = FilterUser.objects.people().count()

    cut = json.loads(output_of("list", "--limit", "3", "--json"))
    whole = json.loads(output_of("list", "--limit", "0", "--json"))

    assert (cut["count"], cut["more"], len(cut["users"])) == (users, True, 3)
    assert (whole["count"], whole["more"], len(whole["users"])) == (users, False, users)
    assert f"The first 3 of {users} users; --limit 0 shows all." in output_of("list", "--limit", "3")
    assert {each["login"] for each in whole["users"]} == set(
        FilterUser.objects.people().values_list("login", flat=True)
    )


def test_plan_accepts_users_file(read, tmp_path):
    rita = FilterUser.objects.get(name="Rita Lindqvist")
    names = tmp_path / "names.csv"
    names.write_text(f"Name;Mail\nRita;{rita.address}\nNils;nobody@else.example\n", encoding="utf-8")

    planned = json.loads(output_of("plan", "--off", "--users-file", str(names), "--json"))

    assert (planned["users"], planned["left_out"]) == (1, ["nobody@else.example (no CRM user)"])


def test_plan_agrees_with_run_without_creating_one(read):
    planned = json.loads(output_of("plan", "--off", "--everybody", "--json"))

    assert not FilterRun.objects.exists()
    run = creation.create_run(
        list(FilterUser.objects.people().values_list("pk", flat=True)),
        creation.RunSpec(APPOINTMENT_TABLES, on=False),
        by=fred(),
    )
    created = previews.totals(run).users
    assert {plan: users for plan, users in planned["by_plan"].items() if users} == created
    assert planned["may_be_held"] == run.items.filter(needs_count=True).count() > 0
    assert "Preview" in output_of("status", "1") or "Counting" in output_of("status", "1")


def test_plan_for_all_users_requires_explicit_option(read):
    with pytest.raises(CommandError, match="--everybody"):
        output_of("plan", "--off")
    with pytest.raises(CommandError, match="No team is called Nowhere"):
        output_of("plan", "--off", "--team", "Nowhere")
    with pytest.raises(CommandError, match="no run 99"):
        output_of("status", "99")
    assert "With the portal’s own permission" in output_of("status")
