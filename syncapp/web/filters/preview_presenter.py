"""The preview of a run, prepared for its templates: figures, warnings, the users of one tab, and the start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from django.conf import settings
from django.utils import timezone

from syncapp.models import FilterPolicy
from syncapp.models.sync_filters.run import Outcome, Plan, RunState
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES, Group
from syncapp.sync_filters.inventory import matrix
from syncapp.sync_filters.policies import conflicts
from syncapp.sync_filters.runs import held_groups, items, parts, previews, titles
from syncapp.sync_filters.runs.held_groups import GroupSummary, HeldGroup
from syncapp.sync_filters.runs.parts import Part
from syncapp.sync_filters.runs.previews import PreviewPage, Totals
from syncapp.text.localization import number
from syncapp.web.filters import policy_presenter, run_words
from syncapp.web.filters.preview_params import PreviewParams
from syncapp.web.filters.run_item_presenter import ItemPresenter
from syncapp.web.filters.run_presenter import RunPresenter

_BAR_WIDTH = 1000  # units of the bar's width
_TABS = (Plan.CHANGE, Plan.CANNOT, Plan.HELD, Plan.ALREADY, Plan.LEFT_OUT)


@dataclass(frozen=True, slots=True)
class Figure:
    """Users with one plan: number, hint, the tab that shows them, and their share of the bar."""

    plan: Plan
    users: int
    hint: str
    href: str
    x: int
    width: int


@dataclass(frozen=True, slots=True)
class TabPresenter:
    """One tab above the users."""

    key: str
    label: str
    users: int
    href: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class GroupPresenter:
    """One group of the users who are held back."""

    summary: GroupSummary
    href: str
    is_open: bool

    @property
    def knows_meetings(self) -> bool:
        return self.summary.group is not HeldGroup.UNCOUNTED


class PreviewPresenter:
    """Values for the preview's templates; each runs its query once, and only if it is shown."""

    add_in_words = run_words.ADD_IN_DISPUTED

    def __init__(self, view: RunPresenter, params: PreviewParams) -> None:
        self.view, self.run, self._params = view, view.run, params
        self.consequence = run_words.consequence(self.run)

    @cached_property
    def totals(self) -> Totals:
        return previews.totals(self.run)

    @cached_property
    def params(self) -> PreviewParams:
        """Return the parameters with the open tab, and without an empty group; held-back users open by default."""
        users = self.totals.users
        default = next((plan for plan in (Plan.HELD, Plan.CHANGE) if users[plan]), Plan.CANNOT)
        tab, group = self._params.tab or default.value, self._params.group
        has_group = tab == Plan.HELD and any(each.group is group for each in self._summaries)
        return replace(self._params, tab=tab, group=group if has_group else None)

    @property
    def query(self) -> str:
        """Return the query string of the page as it was opened, for its refreshes and forms."""
        return self._params.query()

    @cached_property
    def figures(self) -> list[Figure]:
        """Return the number of users with each plan; "left out" only if it has users."""
        users, all_users = self.totals.users, max(sum(self.totals.users.values()), 1)
        found, x = [], 0
        for plan in Plan:
            if plan is Plan.LEFT_OUT and not users[plan]:
                continue
            width = round(_BAR_WIDTH * users[plan] / all_users)
            found.append(Figure(plan, users[plan], self._hint(plan), self._href(plan), x, width))
            x += width
        return found

    def _hint(self, plan: Plan) -> str:
        if not self.totals.users[plan]:
            return ""
        if plan is Plan.CANNOT and self.totals.cannot:
            counted = self.totals.cannot.most_common(3)
            return ", ".join(f"{number(users)} {run_words.why_not(Outcome(outcome))}" for outcome, users in counted)
        if plan is Plan.CHANGE and not self.run.sets_mailbox_method:
            return run_words.filters_hint(previews.count_filters(self.run))
        return run_words.HINTS[plan]

    def _href(self, tab: str) -> str:
        return PreviewParams(tab=str(tab)).query()

    @property
    def bar_words(self) -> str:
        """Return the figures in words, for people who do not see the bar."""
        return ", ".join(f"{each.plan.label}: {number(each.users)}" for each in self.figures)

    @property
    def tabs(self) -> list[TabPresenter]:
        """Return the tabs of the plans, two of them only if they have users, and of the part that is shown."""
        current, users = self.params.tab, self.totals.users
        shown = [plan for plan in _TABS if users[plan] or plan not in (Plan.LEFT_OUT, Plan.ALREADY)]
        tabs = [TabPresenter(p.value, p.label, users[p], self._href(p), p.value == current) for p in shown]
        if current in Part.values:
            part = Part(current)
            members = self.part_counts.get(part)
            if members is None:
                members = parts.members(self.run, part).count()
            tabs.append(TabPresenter(part.value, part.label, members, self._href(part), is_open=True))
        return tabs

    @cached_property
    def part_counts(self) -> dict[Part, int]:
        """Return the number of users in each part that needs a warning."""
        return {part: parts.members(self.run, part).count() for part in parts.possible_parts(self.run)}

    @property
    def losing_all_appointments(self) -> int:
        """Return how many server-side users lose all synchronized appointments: no system filter selects any."""
        if not items.takes_appointments_away(self.run) or set(self.run.tables) != set(APPOINTMENT_TABLES):
            return 0
        if any(row.state == 0 for row in matrix.system_filters(Group.APPOINTMENTS)):
            return 0
        return self.server_side

    @property
    def server_side(self) -> int:
        """Return how many users who change or are held back synchronize server-side."""
        return self.part_counts.get(Part.SERVER_SIDE, 0)

    @property
    def deletion_warning(self) -> str:
        return run_words.deletion_warning(self.run) if self.server_side else ""

    @property
    def add_in_users(self) -> int:
        """Return how many users who change or are held back have the add-in."""
        return self.part_counts.get(Part.ADD_IN, 0)

    @property
    def switched_off_themselves(self) -> int:
        """Return how many users would have filters switched on that they had switched off themselves."""
        return self.part_counts.get(Part.OFF_BY_OWNER, 0)

    @property
    def doubled(self) -> int:
        """Return how many users would get their appointments twice after the run."""
        return self.part_counts.get(Part.DUPLICATED, 0)

    @cached_property
    def conflicting_policies(self) -> list[tuple[FilterPolicy, int, str]]:
        """Return the policies that keep some users in the opposite state, the number of users, and that state."""
        found = conflicts.policies_conflicting_with(self.run)
        return [(policy, users, policy_presenter.describe_state(policy)) for policy, users in found]

    @cached_property
    def uncounted(self) -> int:
        """Return how many users' meetings are still to be counted."""
        return int(self.run.items.filter(needs_count=True).count())

    @cached_property
    def _summaries(self) -> list[GroupSummary]:
        return held_groups.summaries(self.run)

    @cached_property
    def groups(self) -> list[GroupPresenter]:
        """Return the groups of users who are held back."""
        current = self.params.group
        return [
            GroupPresenter(
                each,
                PreviewParams(tab=Plan.HELD.value, group=each.group).query(),
                each.group is current,
            )
            for each in self._summaries
        ]

    @property
    def open_group(self) -> GroupSummary | None:
        return next((each.summary for each in self.groups if each.is_open), None)

    @property
    def release_query(self) -> str:
        """Return the query string that asks whether to release the open group."""
        return PreviewParams(tab=Plan.HELD.value, group=self.params.group, asks=True).query()

    @property
    def group_query(self) -> str:
        """Return the query string that shows the open group without asking."""
        return PreviewParams(tab=Plan.HELD.value, group=self.params.group).query()

    @property
    def asks_release(self) -> bool:
        """Return whether to ask before the open group is released."""
        group = self.open_group
        can_release = self.view.may_start and group is not None and group.group.can_be_released_together
        return can_release and self._params.asks

    @cached_property
    def group_digest(self) -> str:
        """Return the digest of the open group's users; it proves which users the reader saw."""
        group = self.open_group
        return held_groups.digest(held_groups.members(self.run, group.group)) if group else ""

    @cached_property
    def page(self) -> PreviewPage:
        params = self.params
        users = previews.items_of(self.run, params.tab, group=params.group, search=params.search)
        return previews.page(self.run, users, by_meeting=self.shows_held, after=params.after)

    @property
    def shows_held(self) -> bool:
        return self.params.tab == Plan.HELD

    @cached_property
    def items(self) -> Sequence[ItemPresenter]:
        """Return the users of this page."""
        found, now = self.page.items, timezone.now()
        states = items.states_of(items.filters_of([item.user_id for item in found], self.run.tables))
        return [ItemPresenter(item, self.run.wanted_on, now, len(states[item.user_id])) for item in found]

    @property
    def subject(self) -> str:
        return titles.end_state_parts(self.run)[0]

    @property
    def shows_meetings(self) -> bool:
        return self.shows_held and not self.run.sets_mailbox_method

    @property
    def tick_buttons(self) -> list[tuple[str, str]]:
        """Return the buttons for selected users of this tab: value and label."""
        tab = self.params.tab
        if not self.view.may_start or tab in (Plan.CANNOT, Plan.ALREADY):
            return []
        if tab == Plan.LEFT_OUT:
            return [("take_back", "Include selected users again"), ("take_all_back", "Include all again")]
        buttons = [("leave_out", "Leave out selected users")]
        if tab == Plan.CHANGE:
            return [("hold_back", "Hold back selected users again"), *buttons] if self._has_released else buttons
        return [("release", "Release selected users"), *buttons]

    @property
    def _has_released(self) -> bool:
        return any(item.released for item in self.page.items)

    @property
    def nothing_here(self) -> str:
        search = self.params.search
        return f"No user in this part has a name, address or login like “{search}”." if search else "No users here."

    @property
    def range_words(self) -> str:
        """Return "51 to 100 of 1,340.", '' if there are no users."""
        first, last, total = self.page.first, self.page.first + len(self.page.items) - 1, self.page.total
        found = " found" if self.params.search else ""
        return f"{number(first)} to {number(last)} of {number(total)}{found}." if self.page.items else ""

    @property
    def next_query(self) -> str:
        """Return the query string of the next page, '' on the last one."""
        after = self.page.next_after
        return "" if after is None else self.params.query(after=after, asks=False)

    @property
    def first_query(self) -> str:
        """Return the query string of the first page, '' if this is it."""
        return "" if self.params.after is None else self.params.query(after=None, asks=False)

    @property
    def all_query(self) -> str:
        """Return the query string of the tab without search and group, '' if neither is used."""
        is_narrowed = self.params.search or self.params.group
        return self._href(self.params.tab) if is_narrowed else ""

    @property
    def start_button(self) -> str:
        return run_words.start_button(self.run, self.view.changing, asks=self.view.needs_second_person)

    @property
    def has_nothing_to_start(self) -> bool:
        users = self.totals.users
        return not (users[Plan.CHANGE] or users[Plan.HELD] or users[Plan.LEFT_OUT])

    @property
    def releases_left(self) -> int | None:
        """Return how many held users can be released without a second person.

        None if all of them can, or if a second person is already needed.
        """
        left = settings.SECOND_PERSON_ABOVE - self.view.load.total
        return left if 0 <= left < self.totals.users[Plan.HELD] else None

    @property
    def is_counting(self) -> bool:
        return self.run.state == RunState.COUNTING
