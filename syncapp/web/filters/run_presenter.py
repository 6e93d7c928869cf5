"""A run's page: the preview, how far it is, what became of each user, and what one can do now."""

from __future__ import annotations

from functools import cached_property

from django.conf import settings
from django.db.models import QuerySet

from syncapp.models import FilterPolicy, FilterRun, FilterRunItem, FilterUser, Person
from syncapp.models.person import Role
from syncapp.models.sync_filters.run import NOT_STARTED, Outcome, Plan, RunState
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES, Group
from syncapp.sync_filters import second_person
from syncapp.sync_filters.inventory import matrix
from syncapp.sync_filters.policies import disagreements
from syncapp.sync_filters.runs import items as listing
from syncapp.sync_filters.runs import preparation as preparing
from syncapp.sync_filters.runs import progress, results, retries, switching_on, titles, transitions, undo
from syncapp.sync_filters.runs.preparation import Progress
from syncapp.sync_filters.runs.progress import Failures, Pace
from syncapp.sync_filters.second_person import Load
from syncapp.web.base import times
from syncapp.web.filters import policy_presenter, run_log, run_words
from syncapp.web.filters.run_log import Step
from syncapp.web.filters.run_parts import Class, ItemShown, StepShown

MOST_SHOWN = 50
MOST_HELD = 200
SERVER_SIDE = "server"
ADD_IN = "add_in"
OFF_THEMSELVES = "own"
DOUBLED = "doubled"
_ENDED = (RunState.DONE, RunState.CANCELLED)
# Further ahead than this a page need not look by itself.
_LOOKS_AHEAD = 24 * 3600


class RunShown:
    """Answers that the run's templates ask for; each costs its query once, and only where it is shown."""

    def __init__(self, run: FilterRun, person: Person, *, part: str = "", after: int = -1) -> None:
        self.run, self.person, self.part, self.after = run, person, part, after

    @property
    def title(self) -> str:
        return titles.title(self.run)

    @property
    def end_state(self) -> str:
        return titles.end_state(self.run)

    @property
    def tables(self) -> str:
        return titles.tables_of(self.run)

    @property
    def consequence(self) -> str:
        return run_words.consequence(self.run)

    @property
    def ground(self) -> str:
        return run_words.ground(self.run) if self.server_side else ""

    @property
    def start_words(self) -> str:
        return run_words.starting(self.run, self.changing, asks=self.needs_second, may_tick=bool(self.held))

    @cached_property
    def outcomes(self) -> dict[str, int]:
        return transitions.outcomes(self.run)

    @cached_property
    def plans(self) -> list[tuple[Plan, int, str]]:
        counted = transitions.plans(self.run)
        return [(plan, counted.get(plan.value, 0), run_words.HINTS[plan]) for plan in Plan]

    @cached_property
    def changing(self) -> int:
        return self.run.items.unsettled().count()

    @cached_property
    def filters(self) -> dict[str, int]:
        """Filters of each class; counted once it stands still, since that reads every one of them."""
        is_counted = not self.is_moving and not self.run.moves_mailboxes
        return results.filters_by_outcome(self.run) if is_counted else {}

    @property
    def counts_filters(self) -> bool:
        return bool(self.filters)

    @property
    def classes(self) -> list[Class]:
        """The results that occur."""
        return [self._class(each) for each in Outcome if each.value in self.outcomes]

    def _class(self, outcome: Outcome) -> Class:
        icon, tone, means = run_words.MEANINGS[outcome]
        may_retry = self._acts and outcome in retries.RETRYABLE and self.run.undoes_id is None
        users, filters = self.outcomes[outcome.value], self.filters.get(outcome.value)
        helps = run_words.RETRY_HELPS.get(outcome, "")
        return Class(outcome, icon, tone, means, users, filters, may_retry and not self.is_moving, helps)

    @property
    def steps(self) -> list[StepShown]:
        """Selected, preview, second person where one is needed, run, result."""
        needs_second = self.run.state == RunState.WAITING or self.run.confirmed_by_id or self.needs_second
        words = ["Selected", "Preview", *(["Second person"] if needs_second else []), "Run", "Result"]
        now = words.index(self._now)
        return [StepShown(word, "done" if n < now else "now" if n == now else "") for n, word in enumerate(words)]

    @property
    def _now(self) -> str:
        if self.run.state == RunState.WAITING:
            return "Second person"
        return "Preview" if self.is_preview else "Result" if self.run.state in _ENDED else "Run"

    @property
    def needs_second(self) -> bool:
        """Return whether the person would switch more users alone in a day than allowed, so another confirms."""
        return self.is_preview and self.run.confirmed_by_id is None and self.load.needs_second_person

    @cached_property
    def load(self) -> Load:
        return second_person.load(self.run)

    @property
    def ticks_left(self) -> int | None:
        """Return how many held users can be ticked until a second person is needed; None for all, or if needed now."""
        left = settings.SECOND_PERSON_ABOVE - self.load.total
        return left if 0 <= left < len(self.held) else None

    @property
    def is_preview(self) -> bool:
        return self.run.state in NOT_STARTED

    @property
    def is_moving(self) -> bool:
        """Whether the page should look again by itself."""
        if self.is_preparing:
            return not self.preparation.failed
        return self.run.state == RunState.COUNTING or (self.run.state == RunState.RUNNING and not self.run.is_put_off)

    @property
    def is_preparing(self) -> bool:
        """Whether its list is still being made, so that there is no preview yet."""
        return self.run.state == RunState.PREPARING

    @cached_property
    def preparation(self) -> Progress:
        return preparing.progress(self.run)

    @property
    def looks_in(self) -> int | None:
        """In how many seconds a put-off run begins, so that its page looks then."""
        seconds = times.seconds_left(self.run.starts_at) if self.run.is_put_off and self.run.starts_at else None
        return seconds + 1 if seconds is not None and seconds < _LOOKS_AHEAD else None

    @property
    def finished(self) -> int:
        return sum(
            users for outcome, users in self.outcomes.items() if outcome not in (Outcome.OPEN, Outcome.CANCELLED)
        )

    @property
    def never_begun(self) -> int:
        """Return how many users were left as they are when the run was canceled."""
        return self.outcomes.get(Outcome.CANCELLED, 0)

    @property
    def left(self) -> int:
        """How many have no result yet: whom cancelling would leave as they are."""
        return self.outcomes.get(Outcome.OPEN, 0)

    @property
    def state_words(self) -> str:
        return "Waits for its time" if self.run.is_put_off else self.run.get_state_display()

    @cached_property
    def unwritten(self) -> int:
        """For how many nothing was to be written from the beginning."""
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
    def go_on_words(self) -> str:
        return "Go on with the rest" if self.run.paused_because == "pilot" else "Go on"

    @cached_property
    def pace(self) -> Pace:
        return progress.pace(self.run)

    @cached_property
    def failures(self) -> Failures:
        return progress.failures(self.run, self.outcomes)

    @cached_property
    def log(self) -> list[Step]:
        return run_log.steps(self.run)

    @cached_property
    def _page(self) -> list[FilterRunItem]:
        after = self._part_of(self.run.items.filter(position__gt=self.after)).order_by("position")
        return list(after.select_related("user").prefetch_related("changes")[: MOST_SHOWN + 1])

    @property
    def items(self) -> list[ItemShown]:
        """The users of the part that is asked for, in the list's order."""
        return [ItemShown(item, self.run.wanted_on) for item in self._page[:MOST_SHOWN]]

    @property
    def next_after(self) -> int | None:
        return self._page[MOST_SHOWN - 1].position if len(self._page) > MOST_SHOWN else None

    def _part_of(self, items: QuerySet[FilterRunItem]) -> QuerySet[FilterRunItem]:
        if self.part in Plan.values:
            return items.filter(plan=self.part)
        if self.part == SERVER_SIDE:
            return self._server_side(items)
        if self.part == ADD_IN:
            return self._by_add_in(items)
        if self.part == OFF_THEMSELVES:
            return items.filter(pk__in=switching_on.switched_off_themselves(self.run).values("pk"))
        if self.part == DOUBLED:
            return items.filter(pk__in=switching_on.doubled(self.run).values("pk"))
        if self.part == "open" or (self.part and self.part in Outcome.values):
            return items.filter(outcome="" if self.part == "open" else self.part)
        return items

    @cached_property
    def ending_altogether(self) -> int:
        """Server-side users for whom the tables stop altogether, because no filter for everybody is left either."""
        is_off = not self.run.moves_mailboxes and not self.run.wanted_on
        if not is_off or set(self.run.tables) != set(APPOINTMENT_TABLES):
            return 0
        if any(row.state == 0 for row in matrix.system_filters(Group.APPOINTMENTS)):
            return 0
        return self.server_side

    @cached_property
    def server_side(self) -> int:
        """How many of those who change, or are held back, the CRM itself synchronizes."""
        return self._server_side(self.run.items.all()).count()

    @staticmethod
    def _server_side(items: QuerySet[FilterRunItem]) -> QuerySet[FilterRunItem]:
        return items.filter(plan__in=[Plan.CHANGE, Plan.HELD], user__method=1, user__mailbox_state=0)

    @cached_property
    def by_add_in(self) -> int:
        """Return how many users of the add-in would lose their appointments, or are held back."""
        return self._by_add_in(self.run.items.all()).count() if listing.takes_appointments_away(self.run) else 0

    @property
    def add_in_words(self) -> str:
        return run_words.ADD_IN_DISPUTED

    @staticmethod
    def _by_add_in(items: QuerySet[FilterRunItem]) -> QuerySet[FilterRunItem]:
        return items.filter(plan__in=[Plan.CHANGE, Plan.HELD], user__in=FilterUser.objects.with_add_in())

    @cached_property
    def held(self) -> list[FilterRunItem]:
        """Those who are held back, with their meetings."""
        held = self.run.items.filter(plan=Plan.HELD).select_related("user").prefetch_related("meetings_at_risk")
        return list(held.order_by("position")[:MOST_HELD])

    @cached_property
    def off_themselves(self) -> int:
        """Return how many users had themselves switched off filters that the run switches on."""
        return switching_on.switched_off_themselves(self.run).count()

    @cached_property
    def doubled(self) -> int:
        """Return how many users would get their appointments twice after the run."""
        return switching_on.doubled(self.run).count()

    @cached_property
    def policies_against(self) -> list[tuple[FilterPolicy, int, str]]:
        """Policies that keep the opposite for some of its users, with how many and what they keep."""
        found = disagreements.policies_against(self.run) if self.is_preview and not self.is_preparing else []
        return [(policy, users, policy_presenter.keeps(policy)) for policy, users in found]

    @cached_property
    def can_be_undone(self) -> int:
        return undo.may_be_undone(self.run) if self._acts else 0

    @cached_property
    def related(self) -> list[FilterRun]:
        """Runs that undo this one or take some of its users again."""
        undoing, again = FilterRun.objects.filter(undoes=self.run), FilterRun.objects.filter(retries=self.run)
        return [*undoing.order_by("number")[:10], *again.order_by("number")[:10]]

    @property
    def can_be_verified(self) -> bool:
        return self.run.state in _ENDED and self.run.undoes_id is None and results.can_be_verified(self.run)

    @cached_property
    def verified(self) -> int:
        return results.verified(self.run).count()

    @cached_property
    def unread(self) -> int:
        return results.unread(self.run)

    @property
    def _acts(self) -> bool:
        return self.person.has_role(Role.FILTER_MANAGER)

    @property
    def may_start(self) -> bool:
        return self._acts and self.run.state == RunState.PLANNED and self.run.person_id == self.person.pk

    @property
    def may_confirm(self) -> bool:
        confirms = self.person.has_role(Role.FILTER_MANAGER, Role.ADMINISTRATOR)
        return confirms and self.run.state == RunState.WAITING and self.run.person_id != self.person.pk

    @property
    def may_steer(self) -> bool:
        return self._acts and self.run.is_open
