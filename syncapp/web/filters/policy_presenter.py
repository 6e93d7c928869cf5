"""A policy, prepared for its templates: its group, its comparison, its runs, and the available actions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.db.models import Count, Min, Q
from django.utils import timezone

from syncapp.models import FilterPolicy, FilterRun, FilterTeam, FilterUnit, FilterUser, Person, PolicyMember
from syncapp.models.person import Role
from syncapp.models.sync_filters.policy import PolicyMode
from syncapp.models.sync_filters.run import Plan
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES, table_label
from syncapp.sync_filters import second_person
from syncapp.sync_filters.policies import conflicts, job
from syncapp.sync_filters.policies.conflicts import Conflict
from syncapp.sync_filters.second_person import Load

_LAST_RUNS = 20
_MAX_NAMED = 5


@dataclass(frozen=True)
class ConflictPresenter:
    """One conflict of a policy, with its first users, sorted by name."""

    conflict: Conflict
    users: list[FilterUser]

    @property
    def count(self) -> int:
        return len(self.conflict.user_ids)

    @property
    def unnamed_count(self) -> int:
        return self.count - len(self.users)

    @property
    def kept_state(self) -> str:
        """Return the state that the other policy keeps, for example "Appointments on"."""
        policy = self.conflict.source.policy
        return describe_state(policy) if policy else ""


def describe_state(policy: FilterPolicy) -> str:
    """Return the state that a policy keeps: "Appointments off"."""
    is_all = set(policy.tables) == set(APPOINTMENT_TABLES)
    tables = "Appointments" if is_all else ", ".join(table_label(table) for table in policy.tables)
    return f"{tables} {'on' if policy.wanted_on else 'off'}"


class PolicyPresenter:
    """One policy. `names`: names of teams and business units by id, read once for a whole list."""

    def __init__(self, policy: FilterPolicy, person: Person, names: Mapping[object, str]) -> None:
        self.policy, self.person, self._names = policy, person, names

    @property
    def tables(self) -> str:
        return describe_state(self.policy).rpartition(" ")[0]

    @property
    def words(self) -> str:
        """Return the state that the policy keeps, and its group, in words."""
        return f"{describe_state(self.policy)} for everyone in {self.group}"

    @property
    def group(self) -> str:
        name = self._names.get(self.policy.team_id or self.policy.unit_id, "a group that is no longer in the CRM")
        return name if self.policy.team_id else f"{name} and the units below it"

    @property
    def badge(self) -> tuple[str, str, str]:
        """Return the tone, icon and label of the policy's state."""
        if self.policy.asks:
            return "warn", "alert", "Needs a decision"
        if self.policy.is_paused:
            return "", "pause", "Paused"
        if not self.policy.is_in_force(timezone.localdate()):
            return "", "clock", "Outside its dates"
        if self.policy.waits_for_a_second_person:
            return "warn", "user", "Waiting for a second person"
        repairs = self.policy.mode == PolicyMode.REPAIR
        return ("good", "check", "Repairs") if repairs else ("accent", "eye", "Shadow mode")

    @cached_property
    def counts(self) -> dict[str, int]:
        """Return the number of users by plan."""
        return dict(self.policy.members.order_by().values_list("plan").annotate(users=Count("pk")))

    @property
    def members(self) -> int:
        return sum(self.counts.values())

    @property
    def figures(self) -> list[tuple[str, int]]:
        """Return the figures of the report."""
        words = {Plan.CHANGE: "Differ", Plan.ALREADY: "Comply", Plan.CANNOT: "Cannot be switched"}
        return [(word, self.counts.get(plan.value, 0)) for plan, word in words.items()]

    @cached_property
    def deviating(self) -> list[PolicyMember]:
        """Return the users who deviate; those in conflict get the reason why they are skipped."""
        rows = job.deviating_members(self.policy)
        in_conflict = {user_id for each in self.conflicts for user_id in each.conflict.user_ids}
        for member in rows:
            if member.user_id in in_conflict:
                member.held_back = "Skipped: there is a conflict, see above."
        return rows

    @cached_property
    def conflicts(self) -> list[ConflictPresenter]:
        found = conflicts.conflicts_of(self.policy)
        ids = {user_id for each in found for user_id in each.user_ids[:_MAX_NAMED]}
        users = FilterUser.objects.in_bulk(list(ids))
        return [ConflictPresenter(each, [users[key] for key in each.user_ids if key in users]) for each in found]

    @cached_property
    def opposing(self) -> list[tuple[FilterPolicy, int]]:
        """Return the policies that keep some of its users in the opposite state, for the list of all policies."""
        return conflicts.conflicting_policies(self.policy) if self.policy.is_active else []

    @property
    def some_are_held(self) -> bool:
        return any(member.held_back for member in self.deviating)

    @cached_property
    def is_managed_by_entra(self) -> bool:
        team = FilterTeam.objects.filter(pk=self.policy.team_id).first() if self.policy.team_id else None
        return team is not None and team.is_managed_by_entra

    @cached_property
    def obstacles(self) -> list[tuple[str, int]]:
        """Return the reasons why users cannot be switched, with the number of users for each."""
        rows = self.policy.members.filter(plan=Plan.CANNOT).order_by().values_list("why")
        return list(rows.annotate(users=Count("pk")).order_by("-users"))

    @cached_property
    def exceptions(self) -> list[FilterUser]:
        return list(FilterUser.objects.filter(pk__in=self.policy.exceptions).order_by("name_key"))

    @cached_property
    def read_at(self) -> datetime | None:
        """Return when the group's filters were read; if the times differ, the oldest."""
        group = FilterUser.objects.filter(pk__in=self.policy.members.values("user_id"))
        oldest: datetime | None = group.aggregate(at=Min("filters_read_at"))["at"]
        return oldest

    @cached_property
    def runs(self) -> list[FilterRun]:
        return list(self.policy.runs.order_by("-frozen_at")[:_LAST_RUNS])

    @property
    def seen(self) -> str:
        """Return the time of the comparison that the page shows, for the form to send back."""
        return self.policy.full_at.isoformat() if self.policy.full_at else ""

    @property
    def may_control(self) -> bool:
        return self.person.has_role(Role.FILTER_MANAGER)

    @property
    def may_ask_for_repair(self) -> bool:
        is_in_shadow = self.policy.mode == PolicyMode.SHADOW and self.policy.is_active
        return self.may_control and is_in_shadow and not self.policy.waits_for_a_second_person

    @property
    def may_confirm(self) -> bool:
        has_role = self.person.has_role(Role.FILTER_MANAGER, Role.ADMINISTRATOR)
        is_other_person = self.policy.repair_by_id != self.person.pk
        return has_role and is_other_person and self.policy.waits_for_a_second_person and self.policy.is_active

    @property
    def needs_second_person(self) -> bool:
        return self.load.needs_second_person

    @cached_property
    def load(self) -> Load:
        """Return the load: the users of this policy, and of other policies that the same person repairs alone."""
        return second_person.policy_load(self.policy, by=self.policy.repair_by or self.person)


def list_policies(person: Person) -> list[PolicyPresenter]:
    """Return all policies, sorted by name, with the number of users who deviate, in a fixed number of queries."""
    deviating = Count("members", filter=Q(members__deviates_since__isnull=False))
    rows = list(FilterPolicy.objects.current().annotate(members_count=Count("members"), deviating_count=deviating))
    names = names_of_groups(rows)
    return [PolicyPresenter(row, person, names) for row in rows]


def names_of_groups(rows: Iterable[FilterPolicy]) -> dict[object, str]:
    """Return the names of these policies' teams and business units, by id."""
    ids = [group for row in rows if (group := row.team_id or row.unit_id)]
    names: dict[object, str] = dict(FilterTeam.objects.filter(pk__in=ids).values_list("pk", "name"))
    return names | dict(FilterUnit.objects.filter(pk__in=ids).values_list("pk", "name"))
