"""`manage.py crm_check`: what it prints, and its exit status."""

from __future__ import annotations

import contextlib
import logging
import re
from itertools import pairwise

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tests.support.world import World


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what the command prints, whether or not something is missing."""
    with contextlib.suppress(CommandError):
        call_command("crm_check", *arguments)
    return str(capsys.readouterr().out)


def test_checks_stopped_by_refused_sign_in_are_merged(
    company: World, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.CRM_CLIENT_SECRET = "wrong"

    printed = run(capsys=capsys)

    groups = [re.findall(r"Means: (.*)", group) for group in printed.split("\n\n")]
    neighbors = [pair for group in groups for pair in pairwise(group)]
    assert neighbors
    assert all(first != second for first, second in neighbors)
    assert "Read user, Read security role, " in printed


def test_successful_checks_keep_one_line_each(company: World, capsys: pytest.CaptureFixture[str]) -> None:
    printed = run(capsys=capsys)

    assert "  ok         Read user: held" in printed
    assert "  ok         Read security role: held" in printed
    assert "Organization: readable, 1 read" in printed


@pytest.mark.parametrize(("verbosity", "is_logged"), [("1", False), ("2", True)])
def test_requests_are_logged_at_higher_verbosity(
    company: World,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    verbosity: str,
    is_logged: bool,
) -> None:
    with caplog.at_level(logging.INFO):
        run("--verbosity", verbosity, capsys=capsys)

    assert ("GET WhoAmI" in caplog.text) is is_logged
