"""The page of a run, prepared for its templates: preview, progress, results, and the buttons a person may use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.utils import timezone

from syncapp.models import FilterRun, FilterRunItem, Person
from syncapp.models.person import Role
from syncapp.models.sync_filters.run import NOT_STARTED, Outcome, Plan, RunState
from syncapp.sync_filters import second_person
from syncapp.sync_filters.runs import preparation, progress, report, retries, titles, transitions, undo
from syncapp.sync_filters.runs.preparation import PreparationProgress
from syncapp.sync_filters.runs.progress import FailureRate, Throughput
from syncapp.sync_filters.second_person import Load
from syncapp.web.base import times
from syncapp.web.filters import run_log, run_words
from syncapp.web.filters.run_item_presenter import ItemPresenter
from syncapp.web.filters.run_log import LogEntry

MAX_SHOWN = 50
_ENDED = (RunState.DONE, RunState.CANCELLED)
_MAX_WAIT = 24 * 3600  # seconds; for a later start, the page does not reload automatically


@dataclass(frozen=True, slots=True)
class OutcomePresenter:
    """One outcome: its users and filters, what it means, and whether its users can be retried.

    `retry_helps` says what has to change first, '' if a retry may help without any change.
    """

    outcome: Outcome
    label: str
    icon: str
    tone: str
    means: str
    users: int
    filters: int | None
    may_retry: bool
    retry_helps: str = ""

    @property
    def key(self) -> str:
        return self.outcome.value or "open"


@dataclass(frozen=True, slots=True)
class StagePresenter:
    """One of the stages at the top of the page."""

    word: str
    state: str

    @property
    def icon(self) -> str:
        return {"done": "check", "now": "on"}.get(self.state, "off")


class RunPresenter:
    """Values for the run's templates; each runs its query once, and only if it is shown."""

    def __init__(self, run: FilterRun, person: Person, *, part: str = "", after: int = -1) -> None:
        self.run, self.person, self.part, self.after = run, person, part, after
        self.title, self.end_state, self.tables = titles.title(run), titles.end_state(run), titles.table_labels(run)

    @cached_property
    def outcomes(self) -> dict[str, int]:
        return transitions.count_by_outcome(self.run)

    @cached_property
    def changing(self) -> int:
        """Return how many users the run still has to change."""
        return self.run.items.unfinished().count()

    @cached_property
    def filters(self) -> dict[str, int]:
        """Return the number of filters by outcome; none while the run is moving, since counting reads every change."""
        is_counted = not self.is_moving and not self.run.sets_mailbox_method
        return report.count_filters_by_outcome(self.run) if is_counted else {}

    @property
    def counts_filters(self) -> bool:
        return bool(self.filters)

    @property
    def outcome_groups(self) -> list[OutcomePresenter]:
        """Return the outcomes that occur."""
        may_retry = self._is_manager and self.run.undoes_id is None and not self.is_moving
        return [
            OutcomePresenter(
                outcome,
                run_words.outcome_label(self.run, outcome),
                *run_words.meaning(self.run, outcome),
                users=self.outcomes[outcome.value],
                filters=self.filters.get(outcome.value),
                may_retry=may_retry and outcome in retries.RETRYABLE,
                retry_helps=run_words.RETRY_HELPS.get(outcome, ""),
            )
            for outcome in Outcome
            if outcome.value in self.outcomes
        ]

    @property
    def stages(self) -> list[StagePresenter]:
        """Return the stages: selected, preview, second person if one is needed, run, result."""
        needs_second = self.run.state == RunState.WAITING or self.run.confirmed_by_id or self.needs_second_person
        words = ["Selected", "Preview", *(["Second person"] if needs_second else []), "Run", "Result"]
        if self.run.state == RunState.WAITING:
            current = "Second person"
        else:
            ended_or_running = "Result" if self.run.state in _ENDED else "Run"
            current = "Preview" if self.is_preview else ended_or_running
        position = words.index(current)
        done = [StagePresenter(word, "done") for word in words[:position]]
        return [*done, StagePresenter(current, "now"), *(StagePresenter(word, "") for word in words[position + 1 :])]

    @property
    def needs_second_person(self) -> bool:
        """Return whether a second person has to confirm, because one person would change too many users in a day."""
        return self.is_preview and self.run.confirmed_by_id is None and self.load.needs_second_person

    @property
    def second_person_words(self) -> str:
        """Return whether the run, which no second person has confirmed, needs one."""
        if self.run.state == RunState.WAITING or self.needs_second_person:
            return "not confirmed yet"
        return "not required" if self.is_preview or self.run.started_at else "none; the run was not started"

    @cached_property
    def load(self) -> Load:
        return second_person.run_load(self.run)

    @property
    def is_preview(self) -> bool:
        return self.run.state in NOT_STARTED

    @property
    def is_moving(self) -> bool:
        """Return whether the page should refresh automatically."""
        if self.is_preparing:
            return not self.preparation.failed
        return self.run.state == RunState.COUNTING or (self.run.state == RunState.RUNNING and not self.run.is_scheduled)

    @property
    def is_preparing(self) -> bool:
        """Return whether the list is still being prepared and there is no preview yet."""
        return self.run.state == RunState.PREPARING

    @cached_property
    def preparation(self) -> PreparationProgress:
        return preparation.progress(self.run)

    @property
    def refresh_in(self) -> int | None:
        """Return in how many seconds the page refreshes because the run starts; None unless it starts within a day."""
        seconds = times.seconds_left(self.run.starts_at) if self.run.is_scheduled and self.run.starts_at else None
        return seconds + 1 if seconds is not None and seconds < _MAX_WAIT else None

    @property
    def finished(self) -> int:
        return sum(
            users for outcome, users in self.outcomes.items() if outcome not in (Outcome.OPEN, Outcome.CANCELLED)
        )

    @property
    def never_started(self) -> int:
        """Return how many users had not been started when the run was canceled."""
        return self.outcomes.get(Outcome.CANCELLED, 0)

    @property
    def unfinished(self) -> int:
        """Return how many users have no result yet; canceling leaves them as they are."""
        return self.outcomes.get(Outcome.OPEN, 0)

    @property
    def state_words(self) -> str:
        words = "On hold" if self.is_on_hold else self.run.state_label
        return "Scheduled" if self.run.is_scheduled else words

    @cached_property
    def is_on_hold(self) -> bool:
        return progress.is_on_hold(self.run)

    @cached_property
    def unchanged_count(self) -> int:
        """Return how many users on the list the run does not change."""
        return int(self.run.items.exclude(plan=Plan.CHANGE).count())

    @property
    def total(self) -> int:
        return sum(self.outcomes.values())

    @property
    def pause_words(self) -> str:
        if self.run.state != RunState.PAUSED:
            return ""
        automatic = run_words.PAUSES.get(self.run.paused_because)
        return automatic or run_words.paused_by(run_log.paused_by(self.run))

    @property
    def resume_button(self) -> str:
        return "Continue with the rest" if self.run.paused_because == "pilot" else "Resume"

    @cached_property
    def throughput(self) -> Throughput:
        return progress.throughput(self.run)

    @cached_property
    def failure_rate(self) -> FailureRate:
        return progress.failure_rate(self.run, self.outcomes)

    @cached_property
    def log(self) -> list[LogEntry]:
        return run_log.entries(self.run)

    @cached_property
    def _page(self) -> list[FilterRunItem]:
        """Return the users on this page with the chosen result, and one more if there is a next page."""
        found: QuerySet[FilterRunItem] = self.run.items.filter(position__gt=self.after)
        if self.part == "open" or (self.part and self.part in Outcome.values):
            found = found.filter(outcome="" if self.part == "open" else self.part)
        found = found.order_by("position").select_related("user").prefetch_related("changes")
        return list(found[: MAX_SHOWN + 1])

    @property
    def query(self) -> str:
        """Return the query string of the page as it was opened, for its refreshes."""
        values = {"after": str(self.after) if self.after >= 0 else "", "part": self.part}
        given = {name: value for name, value in values.items() if value}
        return f"?{urlencode(given)}" if given else ""

    @property
    def items(self) -> list[ItemPresenter]:
        """Return the users of this page, in the order of the list."""
        return [ItemPresenter(item, self.run.wanted_on, timezone.now()) for item in self._page[:MAX_SHOWN]]

    @property
    def next_after(self) -> int | None:
        return self._page[MAX_SHOWN - 1].position if len(self._page) > MAX_SHOWN else None

    @cached_property
    def undoable_count(self) -> int:
        return undo.count_undoable(self.run) if self._is_manager else 0

    @cached_property
    def related(self) -> list[FilterRun]:
        """Return runs that undo this one or retry some of its users."""
        undoing, again = FilterRun.objects.filter(undoes=self.run), FilterRun.objects.filter(retries=self.run)
        return [*undoing.order_by("number")[:10], *again.order_by("number")[:10]]

    @property
    def can_be_verified(self) -> bool:
        return self.run.state in _ENDED and self.run.undoes_id is None and report.can_be_verified(self.run)

    @cached_property
    def verified_count(self) -> int:
        return report.verified_users(self.run).count()

    @cached_property
    def unread_count(self) -> int:
        return report.count_unread(self.run)

    @property
    def _is_manager(self) -> bool:
        return self.person.has_role(Role.FILTER_MANAGER)

    @property
    def may_start(self) -> bool:
        return self._is_manager and self.run.state == RunState.PLANNED and self.run.person_id == self.person.pk

    @property
    def may_confirm(self) -> bool:
        confirms = self.person.has_role(Role.FILTER_MANAGER, Role.ADMINISTRATOR)
        return confirms and self.run.state == RunState.WAITING and self.run.person_id != self.person.pk

    @property
    def may_control(self) -> bool:
        return self._is_manager and self.run.is_open
