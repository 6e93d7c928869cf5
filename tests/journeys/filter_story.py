"""A filter run among real processes, verified with the CRM's tables and its ledger."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.db.models import F
from django.db.models.functions import Now

from syncapp.connection import clients
from syncapp.jobs import breakers
from syncapp.mirror.filters import inventory, schedule
from syncapp.models import Breaker, FilterRun, FilterRunItem, FilterUser
from syncapp.models.jobs.job import HELD_STATES, WAITING_STATES
from syncapp.models.sync_filters.run import NEVER, Outcome, Plan, RunState
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES
from syncapp.sync_filters.runs import creation, list_changes, transitions
from tests.journeys.story import PATIENCE, Story
from tests.support.people import fred, make_person
from tests.support.servers import wait_until
from tests.sync_filters.expected import expected_outcomes
from tests.sync_filters.scenery import Scenery

OFF = creation.RunSpec(APPOINTMENT_TABLES, on=False, reason="Twice in Outlook")


def limits(scale: float) -> dict[str, Any]:
    """Return the published limits with the sandbox's time scale."""
    return {"time_scale": scale, "limits": {"requests": 6000, "execution_seconds": 1200}}


class FilterStory:
    """Switches off the appointment filters of all users amid faults."""

    spec = OFF

    def __init__(self, story: Story, *, patience: float = PATIENCE) -> None:
        self.story, self.stack, self.world = story, story.stack, story.world
        self.patience = patience
        self.scenery = Scenery(story.stack.sandbox.url)
        self.read()
        self.run = self._created()
        self.expected = self.outcomes_in_the_crm() | self._held_back()
        self.since = self.scenery.mark()

    def read(self) -> None:
        """Take a full inventory."""
        schedule.request()
        wait_until(lambda: inventory.take(clients.verified_client()), seconds=self.patience, what="an inventory")

    def _created(self) -> FilterRun:
        everybody = list(FilterUser.objects.people().order_by("name_key").values_list("pk", flat=True))
        run = creation.create_run(everybody, self.spec, by=fred())
        self.wait(lambda: self._is(run, RunState.PLANNED), "a worker has counted the meetings")
        held = list(run.items.filter(plan=Plan.HELD).values_list("pk", flat=True))
        list_changes.release(run, held[: len(held) // 2], by=fred())
        return run

    def outcomes_in_the_crm(self) -> dict[str, str]:
        """Return the expected outcome of each user from the CRM's tables, with no user held back."""
        return expected_outcomes(self.scenery)

    def _is(self, run: FilterRun, state: RunState) -> bool:
        run.refresh_from_db()
        return run.state == state

    def _held_back(self) -> dict[str, str]:
        held = self.run.items.filter(plan=Plan.HELD)
        return {str(item.user_id): Outcome.HELD.value for item in held}

    def wait(self, holds: Callable[[], object], what: str) -> None:
        """Poll until the condition holds, and skip all waiting times once per second."""

        next_dispatch = 0.0

        def with_dispatch() -> object:
            nonlocal next_dispatch
            if time.monotonic() > next_dispatch:  # each dispatch publishes four messages
                next_dispatch = time.monotonic() + 1
                self.skip_waits()
            return holds()

        wait_until(with_dispatch, seconds=self.patience, what=what)

    # --- events -----------------------------------------------------------------------------------------
    def start(self) -> None:
        """Start the run as Fred; Frida confirms it if needed."""
        transitions.start(self.run, by=fred())
        if self.run.state == RunState.WAITING:
            transitions.confirm(self.run, by=make_person("Frida"))
        assert self.run.state == RunState.RUNNING

    def wait_for_progress(self, users: int = 1) -> None:
        """Wait until at least `users` more users are finished; the run must not be over."""
        before = self.left()
        self.wait(lambda: self.left() <= before - users, f"{users} more users are done")
        assert self.left(), "the run is over: nothing more could be tried"

    def left(self) -> int:
        """Return the number of unfinished users."""
        return transitions.count_unfinished(self.run)

    def pause(self) -> None:
        """Pause the run and wait for the users in progress."""
        transitions.pause(self.run, by=fred())
        self.story.wait(lambda: not self._held().exists(), "no user is in progress")
        assert self.left(), "the run was over before it was paused: nothing was tried"

    def resume(self) -> None:
        """Resume the run and skip the dispatch interval."""
        transitions.resume(self.run, by=fred())
        self.dispatch_again()

    def _held(self) -> Any:
        return FilterRunItem.objects.filter(run=self.run, state__in=HELD_STATES)

    def fail_credentials_for_a_while(self) -> None:
        """Refuse the client secret until the breaker opens, then accept it again."""
        self.world.faults(credentials_refused=True)
        self.dispatch_again()
        self.story.wait(lambda: not breakers.all_closed([Breaker.Name.CRM_CREDENTIALS]), "the breaker is open")
        assert self.left(), "the run was over before the credentials failed: nothing was tried"
        self.world.heal()

    def flush_broker_and_dispatch(self) -> None:
        """Flush Redis, and skip the dispatch interval."""
        self.stack.flush_broker()
        self.dispatch_again()

    def dispatch_again(self) -> None:
        """Skip the dispatch interval."""
        FilterRun.objects.update(dispatched_at=None)

    def skip_waits(self) -> None:
        """Skip all waiting times: dispatch intervals, probes of breakers, backoffs of users."""
        self.dispatch_again()
        Breaker.objects.exclude(next_probe_at=None).update(next_probe_at=Now())
        later = FilterRunItem.objects.filter(state__in=WAITING_STATES, due_at__gt=Now())
        later.exclude(due_at=NEVER).update(due_at=Now())

    def wait_until_done(self) -> None:
        """Wait until the run is done."""
        self.wait(lambda: self._is(self.run, RunState.DONE), "the run is done")

    def states(self) -> dict[str, int]:
        """Return the state of every filter in the CRM by id."""
        users = FilterUser.objects.people().values_list("pk", flat=True)
        found: dict[str, int] = {}
        for user_id in users:
            found |= self.scenery.states_of(user_id)
        return found

    # --- judging ----------------------------------------------------------------------------------------
    def assert_as_planned(self) -> None:
        """Assert that each user has the expected outcome and each planned filter was written once."""
        ended = {str(item.user_id): item.outcome for item in self.run.items.all()}
        assert ended == self.expected
        written = Counter(self.written())
        assert [key for key, times in written.items() if times > 1] == []
        assert set(written) == self._planned()

    def written(self) -> list[str]:
        """Return the rows written since the list was made, from the CRM's ledger."""
        return [key for key, _ in self.scenery.switched(self.since)]

    def _planned(self) -> set[str]:
        done = self.run.items.filter(outcome=Outcome.DONE)
        changes = done.annotate(filter_id=F("changes__filter_id")).values_list("filter_id", flat=True)
        return {str(key) for key in changes}
