"""Texts of the capture page: its headline in each mode, and the results of changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from syncapp.capture.brakes import Brake
from syncapp.models.capture.day import ChangeResult
from syncapp.models.capture.entry import Source
from syncapp.models.capture.settings import CaptureMode
from syncapp.text.localization import number

# Results in the order of the page, in words that follow their number.
DONE: Mapping[ChangeResult, str] = {
    ChangeResult.RESTORED: "staged and restored",
    ChangeResult.PUT_BACK: "restored, then undone",
    ChangeResult.ONLY_STAGED: "only staged",
    ChangeResult.OBSERVED: "only observed",
    ChangeResult.LET_THROUGH: "let through",
    ChangeResult.WAITING: "waiting",
    ChangeResult.SET_ASIDE: "could not be staged",
}
RESULTS: Mapping[ChangeResult, tuple[str, str]] = {
    ChangeResult.RESTORED: ("undo", "Restored"),
    ChangeResult.PUT_BACK: ("undo", "Restored, then undone"),
    ChangeResult.ONLY_STAGED: ("eye", "Only staged"),
    ChangeResult.OBSERVED: ("eye", "Only observed"),
    ChangeResult.LET_THROUGH: ("right", "Let through"),
    ChangeResult.WAITING: ("clock", "Waiting"),
    ChangeResult.SET_ASIDE: ("question", "Could not be staged"),
}
TAGS: Mapping[Source, str] = {
    Source.PROGRAM: "application user",
    Source.UNKNOWN: "no signature, no revision, no application",
    Source.FORM: "raise the revision",
}
NAMES: Mapping[Source, str] = {
    Source.OUTLOOK: "Outlook synchronization",
    Source.PROGRAM: "A program",
    Source.UNKNOWN: "Unknown",
    Source.FORM: "Forms and programs with the revision",
}
WHY_PAUSED: Mapping[str, str] = {
    Brake.MANY_RESTORES: "This is more than people usually change. An import or a program may be mistaken for Outlook.",
    Brake.MASS_EDIT: "This many changes at once usually come from an import or a program, not from people.",
    Brake.SIGNATURE_GONE: (
        "The synchronization may have begun to sign differently, so that Outlook’s edits are no longer recognized. "
        "A large import by one person looks the same. Edit a contact in Outlook yourself, and run "
        "the check in Settings, Connection."
    ),
    Brake.SIGNERS_CHANGED: (
        "Resuming waits until the signature has been seen: edit a contact in Outlook yourself, and run the check in "
        "Settings, Connection."
    ),
    Brake.RIVAL: "Two programs that stage the same edits would undo each other’s work. Turn the other one off first.",
}
# The ranges of observation.LIVE_RANGE_ENDS.
LIVE_RANGES = ("under 10 s", "10 to 30 s", "30 to 60 s", "1 to 5 min", "over 5 min")


@dataclass(frozen=True, slots=True)
class Badge:
    """The word, tone and icon of a state."""

    word: str
    tone: str
    icon: str


OBSERVING = Badge("Observing", "", "eye")
STATES: Mapping[CaptureMode, Badge] = {
    CaptureMode.RESTORING: Badge("Restoring", "accent", "undo"),
    CaptureMode.STAGING: Badge("Only staging", "warn", "pause"),
    CaptureMode.PAUSED: Badge("Paused", "warn", "pause"),
}


def count_results(counted: Mapping[ChangeResult, int], *, is_short: bool = False) -> list[tuple[str, str]]:
    """Return each number with its words, such as ("291", "staged and restored"), or "restored" in short form."""
    words = {**DONE, ChangeResult.RESTORED: "restored", ChangeResult.OBSERVED: "observed"} if is_short else DONE
    return [(number(counted[result]), words[result]) for result in DONE if counted.get(result)]


def sources_on(on: int, observed: int) -> str:
    """Return "1 source is on, 4 are only observed"."""
    first = "1 source is on" if on == 1 else f"{number(on)} sources are on"
    if not observed:
        return first
    return f"{first}, {number(observed)} {'is' if observed == 1 else 'are'} only observed"


def duration(seconds: float) -> str:
    """Return "9 s", "3 min 40 s" or "2 h 5 min"."""
    whole = int(seconds)  # rounded down, like ages on other pages
    if whole < 60:
        return f"{whole} s"
    size, large, small = (60, "min", "s") if whole < 3600 else (3600, "h", "min")
    rest = whole % size if size == 60 else whole % size // 60
    return f"{whole // size} {large}" + (f" {rest} {small}" if rest else "")
