"""Names follow docs/reference/glossary.md: identifiers of the former vocabulary do not return."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PACKAGES = ("benches", "dataverse_sandbox", "portal", "syncapp", "tests", "tools")
# Former identifiers, each with the term of the glossary.
FORMER = {
    "Alarm": "Alert",
    "BELL_SECONDS": "REDISPATCH_AFTER",
    "Chosen": "Targets",
    "DurableWork": "Job",
    "Gate": "Breaker",
    "GateState": "BreakerState",
    "Governor": "RateLimiter",
    "Grounds": "DecisionContext",
    "Lever": "Operation",
    "Pace": "Progress",
    "Passage": "Permit",
    "Planned": "ItemPlan",
    "Reach": "SyncPaths",
    "Shown": "Presenter",
    "Talk": "Comments",
    "Told": "Notified",
    "Verdict": "Explanation",
    "Wish": "DesiredState",
    "WorkState": "JobState",
    "alarms": "alerts",
    "backwards": "undo_items",
    "bell": "dispatch",
    "bells": "dispatches",
    "due_bells": "claim_for_dispatch",
    "fence": "fencing_token",
    "give_up": "mark_failed",
    "governor": "rate_limiter",
    "grounds": "context",
    "hand_back": "reschedule",
    "let_through": "try_acquire",
    "lever": "operation",
    "listing": "item_plan",
    "notices": "notification_rules",
    "opponents": "disagreements",
    "pace": "progress",
    "pass_through": "try_acquire",
    "pasts": "history",
    "prove_home": "verify_organization",
    "reach": "sync_paths",
    "recognised_crm": "verified_client",
    "remedies": "recommendations",
    "ring_again": "undo_dispatch",
    "rung_at": "dispatched_at",
    "talk": "comments",
    "trail": "audit_log",
    "would_let_through": "allows_dispatch",
}
IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
TEMPLATE_CODE = re.compile(r"\{[{%](.*?)[}%]\}", re.DOTALL)
QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")


def _modules() -> Iterator[Path]:
    for package in PACKAGES:
        for path in sorted((PROJECT / package).rglob("*.py")):
            if path.parent.name != "migrations" or package != "syncapp":
                yield path


def _identifiers(path: Path) -> set[str]:
    with tokenize.open(path) as file:
        return {token.string for token in tokenize.generate_tokens(file.readline) if token.type == tokenize.NAME}


def _former(identifiers: set[str]) -> dict[str, str]:
    return {name: FORMER[name] for name in identifiers & FORMER.keys()}


def test_modules_use_terms_of_the_glossary() -> None:
    found = {path.relative_to(PROJECT).as_posix(): _former(_identifiers(path)) for path in _modules()}

    assert {path: names for path, names in found.items() if names} == {}


def test_templates_use_terms_of_the_glossary() -> None:
    found = {}
    for path in sorted((PROJECT / "templates").rglob("*.html")):
        code = " ".join(QUOTED.sub("", part) for part in TEMPLATE_CODE.findall(path.read_text(encoding="utf-8")))
        found[path.name] = _former(set(IDENTIFIER.findall(code)))

    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize("folder", PACKAGES)
def test_all_packages_are_checked(folder: str) -> None:
    assert any(PROJECT / folder in path.parents for path in _modules())


def test_former_name_is_found(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("class DurableWork: ...\n")

    assert _former(_identifiers(module)) == {"DurableWork": "Job"}
