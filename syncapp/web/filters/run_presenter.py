"""The page of a run, prepared for its templates: preview, progress, results, and the buttons a person may use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from django.conf import settings
from django.db.models import QuerySet

from syncapp.models import FilterPolicy, FilterRun, FilterRunItem, FilterUser, Person
from syncapp.models.person import Role
from syncapp.models.sync_filters.run import NOT_STARTED, Outcome, Plan, RunState
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES, Group
from syncapp.sync_filters import second_person
from syncapp.sync_filters.inventory import matrix
from syncapp.sync_filters.policies import conflicts
from syncapp.sync_filters.runs import (
    items,
    preparation,
    progress,
    report,
    retries,
    switching_on,
    titles,
    transitions,
    undo,
)
from syncapp.sync_filters.runs.preparation import PreparationProgress
from syncapp.sync_filters.runs.progress import FailureRate, Throughput
from syncapp.sync_filters.second_person import Load
from syncapp.web.base import times
from syncapp.web.filters import policy_presenter, run_log, run_words
from syncapp.web.filters.matrix_presenter import method_of
from syncapp.web.filters.run_log import LogEntry

MAX_SHOWN = 50
MAX_HELD = 200
# Parts of a run's users besides its plans and outcomes, as the address names them.
SERVER_SIDE, ADD_IN, OFF_THEMSELVES, DOUBLED = "server", "add_in", "own", "doubled"
_ENDED = (RunState.DONE, RunState.CANCELLED)
_LONGEST_WAIT = 24 * 3600  # seconds; for a later start, the page need not reload by itself


@dataclass(frozen=True, slots=True)
class OutcomePresenter:
    """One outcome: its users and filters, what it means, and whether its users can be retried.

    `retry_helps` says what has to change first, '' if a retry may help as it is.
    """

    outcome: Outcome
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


@dataclass(frozen=True, slots=True)
class ItemPresenter:
    """One user's row: mailbox, what is to be written, and meetings."""

    item: FilterRunItem
    is_on: bool

    @property
    def mailbox(self) -> tuple[str, str]:
        return method_of(self.item.user)

    @property
    def write(self) -> str:
        """Return "3 filters off", "Server-side → None", or '' if nothing is to be written."""
        item = self.item
        if item.mailbox_id is not None and item.found_method != item.wanted_method:
            return f"{titles.method_word(item.found_method)} → {titles.method_word(item.wanted_method)}"
        filters = len(item.changes.all())
        return f"{filters} filter{'' if filters == 1 else 's'} {'on' if self.is_on else 'off'}" if filters else ""

    @property
    def meetings(self) -> str:
        """Return "5 meetings, 23 attendees", '' if none is at risk."""
        item = self.item
        if not item.meetings:
            return ""
        return f"{item.meetings} meeting{'' if item.meetings == 1 else 's'}, {item.attendees} attendees"


class RunPresenter:
    """Values for the run's templates; each runs its query once, and only if it is shown."""

    add_in_words = run_words.ADD_IN_DISPUTED

    def __init__(self, run: FilterRun, person: Person, *, part: str = "", after: int = -1) -> None:
        self.run, self.person, self.part, self.after = run, person, part, after
        self.title, self.end_state, self.tables = titles.title(run), titles.end_state(run), titles.table_labels(run)
        self.consequence = run_words.consequence(run)

    @property
    def deletion_warning(self) -> str:
        return run_words.deletion_warning(self.run) if self.server_side else ""

    @property
    def start_button(self) -> str:
        return run_words.start_button(self.run, self.changing, asks=self.needs_second, may_tick=bool(self.held))

    @cached_property
    def outcomes(self) -> dict[str, int]:
        return transitions.count_by_outcome(self.run)

    @cached_property
    def plans(self) -> list[tuple[Plan, int, str]]:
        counted = transitions.count_by_plan(self.run)
        return [(plan, counted.get(plan.value, 0), run_words.HINTS[plan]) for plan in Plan]

    @cached_property
    def changing(self) -> int:
        return self.run.items.unfinished().count()

    @cached_property
    def filters(self) -> dict[str, int]:
        """Return the number of filters by outcome; none while the run is moving, since all have to be read."""
        is_counted = not self.is_moving and not self.run.sets_mailbox_method
        return report.filters_by_outcome(self.run) if is_counted else {}

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
                *run_words.MEANINGS[outcome],
                users=self.outcomes[outcome.value],
                filters=self.filters.get(outcome.value),
                may_retry=may_retry and outcome in retries.RETRYABLE,
                retry_helps=run_words.RETRY_HELPS.get(outcome, ""),
            )
            for outcome in Outcome
            if outcome.value in self.outcomes
        ]

    @property
    def steps(self) -> list[StagePresenter]:
        """Return the stages: selected, preview, second person if one is needed, run, result."""
        needs_second = self.run.state == RunState.WAITING or self.run.confirmed_by_id or self.needs_second
        words = ["Selected", "Preview", *(["Second person"] if needs_second else []), "Run", "Result"]
        if self.run.state == RunState.WAITING:
            current = "Second person"
        else:
            current = "Preview" if self.is_preview else "Result" if self.run.state in _ENDED else "Run"
        now = words.index(current)
        return [StagePresenter(word, "done" if n < now else "now" if n == now else "") for n, word in enumerate(words)]

    @property
    def needs_second(self) -> bool:
        """Return whether another person has to confirm, because this one would switch too many users alone in a day."""
        return self.is_preview and self.run.confirmed_by_id is None and self.load.needs_second_person

    @cached_property
    def load(self) -> Load:
        return second_person.load(self.run)

    @property
    def ticks_left(self) -> int | None:
        """Return how many held users can be ticked without a second person; None for all, or if one is needed now."""
        left = settings.SECOND_PERSON_ABOVE - self.load.total
        return left if 0 <= left < len(self.held) else None

    @property
    def is_preview(self) -> bool:
        return self.run.state in NOT_STARTED

    @property
    def is_moving(self) -> bool:
        """Return whether the page should refresh by itself."""
        if self.is_preparing:
            return not self.preparation.failed
        return self.run.state == RunState.COUNTING or (self.run.state == RunState.RUNNING and not self.run.is_scheduled)

    @property
    def is_preparing(self) -> bool:
        """Return whether the list is still being made, so that there is no preview yet."""
        return self.run.state == RunState.PREPARING

    @cached_property
    def preparation(self) -> PreparationProgress:
        return preparation.progress(self.run)

    @property
    def refresh_in(self) -> int | None:
        """Return the seconds until a scheduled run starts, so that the page refreshes then."""
        seconds = times.seconds_left(self.run.starts_at) if self.run.is_scheduled and self.run.starts_at else None
        return seconds + 1 if seconds is not None and seconds < _LONGEST_WAIT else None

    @property
    def finished(self) -> int:
        return sum(
            users for outcome, users in self.outcomes.items() if outcome not in (Outcome.OPEN, Outcome.CANCELLED)
        )

    @property
    def never_started(self) -> int:
        """Return how many users were left as they are when the run was canceled."""
        return self.outcomes.get(Outcome.CANCELLED, 0)

    @property
    def unfinished(self) -> int:
        """Return how many users have no result yet; canceling leaves them as they are."""
        return self.outcomes.get(Outcome.OPEN, 0)

    @property
    def state_words(self) -> str:
        words = "On hold" if self.is_on_hold else self.run.get_state_display()
        return "Scheduled" if self.run.is_scheduled else words

    @cached_property
    def is_on_hold(self) -> bool:
        return progress.is_on_hold(self.run)

    @cached_property
    def unwritten(self) -> int:
        """Return for how many users the list had nothing to write."""
        return sum(users for plan, users, _ in self.plans if plan is not Plan.CHANGE)

    @property
    def total(self) -> int:
        return sum(self.outcomes.values())

    @property
    def pause_words(self) -> str:
        if self.run.state != RunState.PAUSED:
            return ""
        by_itself = run_words.PAUSES.get(self.run.paused_because)
        return by_itself or run_words.paused_by(run_log.paused_by(self.run))

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
        """Return the next users of the chosen part, and one more if there are more."""
        found: QuerySet[FilterRunItem] = self.run.items.filter(position__gt=self.after)
        if self.part in Plan.values:
            found = found.filter(plan=self.part)
        elif self.part == SERVER_SIDE:
            found = self._server_side(found)
        elif self.part == ADD_IN:
            found = self._by_add_in(found)
        elif self.part == OFF_THEMSELVES:
            found = found.filter(pk__in=switching_on.switched_off_themselves(self.run).values("pk"))
        elif self.part == DOUBLED:
            found = found.filter(pk__in=switching_on.doubled(self.run).values("pk"))
        elif self.part == "open" or (self.part and self.part in Outcome.values):
            found = found.filter(outcome="" if self.part == "open" else self.part)
        found = found.order_by("position").select_related("user").prefetch_related("changes")
        return list(found[: MAX_SHOWN + 1])

    @property
    def items(self) -> list[ItemPresenter]:
        """Return the users of the chosen part, in the list's order."""
        return [ItemPresenter(item, self.run.wanted_on) for item in self._page[:MAX_SHOWN]]

    @property
    def next_after(self) -> int | None:
        return self._page[MAX_SHOWN - 1].position if len(self._page) > MAX_SHOWN else None

    @cached_property
    def ending_altogether(self) -> int:
        """Return how many server-side users lose their appointments altogether, as no system filter covers them."""
        is_off = not self.run.sets_mailbox_method and not self.run.wanted_on
        if not is_off or set(self.run.tables) != set(APPOINTMENT_TABLES):
            return 0
        if any(row.state == 0 for row in matrix.system_filters(Group.APPOINTMENTS)):
            return 0
        return self.server_side

    @cached_property
    def server_side(self) -> int:
        """Return how many users who change or are held back synchronize server-side."""
        return self._server_side(self.run.items.all()).count()

    @staticmethod
    def _server_side(items: QuerySet[FilterRunItem]) -> QuerySet[FilterRunItem]:
        return items.filter(plan__in=[Plan.CHANGE, Plan.HELD], user__method=1, user__mailbox_state=0)

    @cached_property
    def by_add_in(self) -> int:
        """Return how many users of the add-in would lose their appointments or are held back."""
        return self._by_add_in(self.run.items.all()).count() if items.takes_appointments_away(self.run) else 0

    @staticmethod
    def _by_add_in(items: QuerySet[FilterRunItem]) -> QuerySet[FilterRunItem]:
        return items.filter(plan__in=[Plan.CHANGE, Plan.HELD], user__in=FilterUser.objects.with_add_in())

    @cached_property
    def held(self) -> list[FilterRunItem]:
        """Return the users who are held back, with their meetings."""
        held = self.run.items.filter(plan=Plan.HELD).select_related("user").prefetch_related("meetings_at_risk")
        return list(held.order_by("position")[:MAX_HELD])

    @cached_property
    def off_themselves(self) -> int:
        """Return for how many users the run switches on filters that they had switched off themselves."""
        return switching_on.switched_off_themselves(self.run).count()

    @cached_property
    def doubled(self) -> int:
        """Return how many users would get their appointments twice after the run."""
        return switching_on.doubled(self.run).count()

    @cached_property
    def policies_conflicting_with(self) -> list[tuple[FilterPolicy, int, str]]:
        """Return the policies that keep the opposite for some of its users, with how many and what they keep."""
        found = conflicts.policies_conflicting_with(self.run) if self.is_preview and not self.is_preparing else []
        return [(policy, users, policy_presenter.describe_state(policy)) for policy, users in found]

    @cached_property
    def can_be_undone(self) -> int:
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
    def verified(self) -> int:
        return report.verified(self.run).count()

    @cached_property
    def unread(self) -> int:
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
