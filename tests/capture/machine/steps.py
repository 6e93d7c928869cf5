"""The steps of a run, chosen at random, and the runs by their seeds."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest

from tests.capture.machine.log import Flaw
from tests.capture.machine.oracle import Violation
from tests.capture.machine.world import EDITORS, Machine, columns_of

STEPS = 14
PROGRAMS = ("erp", "flow", "form", "form_without_script")
STAGING_POINTS = ("capture.claimed", "capture.read", "capture.sent", "capture.answered", "capture.stored")
READING_POINTS = ("capture.contacts", "capture.listed", "capture.read")
POINTS = (*READING_POINTS, *STAGING_POINTS, "capture.staged", "capture.finished")
FAULTS: tuple[dict[str, Any], ...] = (
    {"method": "PATCH", "table": "contact", "status": 412},
    {"method": "PATCH", "table": "contact", "status": 400},
    {"method": "PATCH", "table": "contact", "cut": "before_commit"},
    {"method": "PATCH", "table": "contact", "cut": "after_commit"},
    {"method": "PATCH", "table": "osync_syncrecord", "cut": "after_commit"},
    {"method": "PATCH", "status": 429, "retry_after": 30},
    {"method": "PATCH", "status": 503},
    {"method": "GET", "status": 429, "retry_after": 30},
    {"method": "GET", "table": "audit", "cut": "after_commit"},
    {"path": "RetrieveAuditDetails", "status": 500},
)
FLAWS = (Flaw.LATE, Flaw.LATE, Flaw.MISSING, Flaw.OLD_CUT, Flaw.NEW_CUT)
A_DAY = 86_400.0
PAUSES = (1.0, 6.0, 60.0, 1_200.0, 3 * A_DAY)


def _contact(world: Machine, rng: random.Random) -> UUID:
    return rng.choice(world.contacts)


def _flaw(rng: random.Random) -> Flaw:
    return rng.choice(FLAWS) if rng.random() < 0.12 else Flaw.NONE


def outlook(world: Machine, rng: random.Random) -> None:
    contact, flaw = _contact(world, rng), _flaw(rng)
    changes = {column: world.fresh() for column in columns_of(rng)}
    # While entries are missing, equal values from different writers cannot be distinguished.
    if world.oracle.is_flawless and not flaw and rng.random() < 0.25:
        column = rng.choice(list(changes))
        held = world.oracle.held.get((str(contact), column))
        if held is not None:
            changes[column] = rng.choice(sorted({held.legitimate, *held.outlooks}, key=str))
    world.edit(contact, changes, by=rng.choice(EDITORS), flaw=flaw)


def program(world: Machine, rng: random.Random) -> None:
    changes = {column: world.fresh() for column in columns_of(rng)}
    world.others_write(rng.choice(PROGRAMS), _contact(world, rng), changes, flaw=_flaw(rng))


def imported(world: Machine, rng: random.Random) -> None:
    world.note(lambda: world.import_all(**{columns_of(rng)[0]: world.fresh()}))


def capture(world: Machine, rng: random.Random) -> None:
    world.log.is_mixed = rng.random() < 0.3
    world.capture()


def capture_amid_crash(world: Machine, rng: random.Random) -> None:
    world.points.arm(rng.choice(POINTS), world.points.cut_power)
    world.capture()
    world.points.clear()


def capture_amid_fault(world: Machine, rng: random.Random) -> None:
    world.faults({**rng.choice(FAULTS), "times": rng.choice((1, 1, 3))})
    world.capture()
    world.heal()


def capture_amid_writes(world: Machine, rng: random.Random) -> None:
    """Let another person write, or another worker take over, at a step of staging."""
    contact, who = _contact(world, rng), rng.choice((*PROGRAMS, "outlook", "worker", "deleted"))

    def meanwhile() -> None:
        changes = {column: world.fresh() for column in columns_of(rng)}
        if who == "worker":
            world.another_worker()
        elif who == "outlook":
            world.edit(contact, changes, by=EDITORS[0])
        elif who == "deleted":
            delete(world, rng)
        else:
            world.others_write(who, contact, changes)

    # Reading has a point of the same name, and no second reader.
    world.points.arm(
        rng.choice([point for point in STAGING_POINTS if (point, who) != ("capture.read", "worker")]), meanwhile
    )
    world.capture()
    world.points.clear()


def review(world: Machine, rng: random.Random) -> None:
    world.decide_one(approve=rng.random() < 0.6)


def wait(world: Machine, rng: random.Random) -> None:
    seconds = rng.choice(PAUSES)
    world.forward(seconds)
    if seconds > A_DAY:
        world.log.appear()  # entries that are later than a day count as missing


def late_entries(world: Machine, rng: random.Random) -> None:
    world.log.appear()


def delete(world: Machine, rng: random.Random) -> None:
    if len(world.contacts) > 2:
        contact = world.contacts.pop(rng.randrange(len(world.contacts)))
        world.note(lambda: world.delete(contact))


def other_changes(world: Machine, rng: random.Random) -> None:
    """Create, merge, assign or deactivate contacts, or delete one."""
    what, contact = rng.choice(("create", "merge", "assign", "state", "delete")), _contact(world, rng)
    world.forward(1)  # an edit of the same second may have come before or after the merge
    if what == "create":
        world.create()
    elif what == "delete":
        delete(world, rng)
    elif what == "merge":
        world.merge(contact, _contact(world, rng))
    elif what == "assign":
        world.assign(contact)
    else:
        world.as_user("PATCH", f"contacts({contact})", {"statecode": 1, "statuscode": 2})
    world.forward(1)


def pause(world: Machine, rng: random.Random) -> None:
    world.resume() if world.oracle.is_paused else world.pause()


WEIGHTS: dict[Callable[[Machine, random.Random], None], int] = {
    outlook: 32,
    program: 18,
    imported: 3,
    capture: 18,
    capture_amid_crash: 8,
    capture_amid_fault: 8,
    capture_amid_writes: 7,
    review: 9,
    wait: 6,
    late_entries: 4,
    other_changes: 6,
    pause: 1,
}


def run(world: Machine, seed: int, *, steps: int = STEPS) -> None:
    """Run one sequence and judge it. Raises Violation, which names the seed and the steps."""
    with pytest.MonkeyPatch.context() as patched:
        world.start(seed, patched)
        try:
            for step in _chosen(world.rng, steps):
                world.steps.append(step.__name__)
                step(world, world.rng)
            world.finish()
        except Violation as error:
            raise Violation(f"seed {seed}: {error}\n" + "\n".join(world.steps)) from error


def _chosen(rng: random.Random, steps: int) -> Sequence[Callable[[Machine, random.Random], None]]:
    return rng.choices(list(WEIGHTS), weights=list(WEIGHTS.values()), k=steps)
