"""A policy as its pages show it: for whom, what it found, what it did, and what may be done with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Min, Q
from django.utils import timezone

from syncapp.models import FilterPolicy, FilterRun, FilterTeam, FilterUnit, FilterUser, Person, PolicyMember
from syncapp.models.person import Role
from syncapp.models.sync_filters.policy import PolicyMode
from syncapp.models.sync_filters.run import Plan
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES, name_of
from syncapp.sync_filters import second_person
from syncapp.sync_filters.policies import disagreements, job
from syncapp.sync_filters.policies.disagreements import Disagreement
from syncapp.sync_filters.second_person import Load

_LAST_RUNS = 20
_MOST_NAMED = 5


@dataclass(frozen=True)
class DisagreementShown:
    """One opponent of a policy, with the first users by name."""

    found: Disagreement
    users: list[FilterUser]

    @property
    def count(self) -> int:
        return len(self.found.user_ids)

    @property
    def more(self) -> int:
        return self.count - len(self.users)

    @property
    def keeps(self) -> str:
        """Return the state that the other policy keeps: "appointments on"."""
        return keeps(self.found.opponent.policy) if self.found.opponent.policy else ""


def keeps(policy: FilterPolicy) -> str:
    """Return the state that a policy keeps: "Appointments off"."""
    is_all = set(policy.tables) == set(APPOINTMENT_TABLES)
    tables = "Appointments" if is_all else ", ".join(name_of(table) for table in policy.tables)
    return f"{tables} {'on' if policy.wanted_on else 'off'}"


class PolicyShown:
    """One policy; `names` are those of teams and units by id, read once for a whole list."""

    def __init__(self, policy: FilterPolicy, person: Person, names: Mapping[object, str]) -> None:
        self.policy, self.person, self._names = policy, person, names

    @property
    def tables(self) -> str:
        return keeps(self.policy).rpartition(" ")[0]

    @property
    def words(self) -> str:
        """What it keeps, for whom."""
        return f"{keeps(self.policy)} for everyone in {self.group}"

    @property
    def group(self) -> str:
        name = self._names.get(self.policy.team_id or self.policy.unit_id, "a group that is no longer in the CRM")
        return name if self.policy.team_id else f"{name} and the units below it"

    @property
    def badge(self) -> tuple[str, str, str]:
        """Tone, icon and word of the state."""
        if self.policy.asks:
            return "warn", "alert", "Asks"
        if self.policy.is_paused:
            return "", "pause", "Paused"
        if not self.policy.is_in_its_dates(timezone.localdate()):
            return "", "clock", "Outside its dates"
        if self.policy.waits_for_a_second_person:
            return "warn", "user", "Waits for a second person"
        repairs = self.policy.mode == PolicyMode.REPAIR
        return ("good", "check", "Repairs") if repairs else ("accent", "eye", "In shadow")

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many of the group stand in which class."""
        return dict(self.policy.members.order_by().values_list("plan").annotate(users=Count("pk")))

    @property
    def members(self) -> int:
        return sum(self.counts.values())

    @property
    def classes(self) -> list[tuple[str, int]]:
        """The report's figures."""
        words = {Plan.CHANGE: "Deviate", Plan.ALREADY: "As wanted", Plan.CANNOT: "Cannot be switched"}
        return [(word, self.counts.get(plan.value, 0)) for plan, word in words.items()]

    @cached_property
    def deviating(self) -> list[PolicyMember]:
        """Return users who deviate; for those with a disagreement, why they are left alone."""
        rows = job.deviating(self.policy)
        for member in rows:
            if member.user_id in self._disputed:
                member.held_back = "Left alone: there is a disagreement, see above."
        return rows

    @cached_property
    def disagreements(self) -> list[DisagreementShown]:
        found = disagreements.disagreements(self.policy)
        ids = {user_id for each in found for user_id in each.user_ids[:_MOST_NAMED]}
        users = FilterUser.objects.in_bulk(list(ids))
        return [DisagreementShown(each, [users[key] for key in each.user_ids if key in users]) for each in found]

    @cached_property
    def _disputed(self) -> set[UUID]:
        return {user_id for each in self.disagreements for user_id in each.found.user_ids}

    @cached_property
    def opposing(self) -> list[tuple[FilterPolicy, int]]:
        """Policies that keep the opposite for some of its users, for the list of all policies."""
        return disagreements.opposing_policies(self.policy) if self.policy.is_active else []

    @property
    def some_are_held(self) -> bool:
        return any(member.held_back for member in self.deviating)

    @cached_property
    def is_fed_by_entra(self) -> bool:
        team = FilterTeam.objects.filter(pk=self.policy.team_id).first() if self.policy.team_id else None
        return team is not None and team.is_fed_by_entra

    @cached_property
    def cannot(self) -> list[tuple[str, int]]:
        """Why some cannot be switched, with how many each."""
        rows = self.policy.members.filter(plan=Plan.CANNOT).order_by().values_list("why")
        return list(rows.annotate(users=Count("pk")).order_by("-users"))

    @cached_property
    def exceptions(self) -> list[FilterUser]:
        return list(FilterUser.objects.filter(pk__in=self.policy.exceptions).order_by("name_key"))

    @cached_property
    def read_at(self) -> datetime | None:
        """When the filters of the group were read; of several readings the oldest."""
        group = FilterUser.objects.filter(pk__in=self.policy.members.values("user_id"))
        oldest: datetime | None = group.aggregate(at=Min("filters_read_at"))["at"]
        return oldest

    @property
    def reading_minutes(self) -> int:
        """How often everybody is read, and with that who is new compared."""
        return round(settings.INVENTORY_SECONDS / 60)

    @cached_property
    def runs(self) -> list[FilterRun]:
        return list(self.policy.runs.order_by("-frozen_at")[:_LAST_RUNS])

    @property
    def seen(self) -> str:
        """Which comparison the page shows; the form sends it back."""
        return self.policy.full_at.isoformat() if self.policy.full_at else ""

    @property
    def may_steer(self) -> bool:
        return self.person.has_role(Role.FILTER_MANAGER)

    @property
    def may_ask_for_repair(self) -> bool:
        shadow = self.policy.mode == PolicyMode.SHADOW and self.policy.is_active
        return self.may_steer and shadow and not self.policy.waits_for_a_second_person

    @property
    def may_confirm(self) -> bool:
        may = self.person.has_role(Role.FILTER_MANAGER, Role.ADMINISTRATOR)
        other = self.policy.repair_by_id != self.person.pk
        return may and other and self.policy.waits_for_a_second_person and self.policy.is_active

    @property
    def needs_second_person(self) -> bool:
        return self.load.needs_second_person

    @cached_property
    def load(self) -> Load:
        """Return the users of its group, and those of other policies that the same person lets repair alone."""
        return second_person.policy_load(self.policy, by=self.policy.repair_by or self.person)


def listed(person: Person) -> list[PolicyShown]:
    """All policies by name, with how many deviate; the same number of reads for any number of them."""
    off = Count("members", filter=Q(members__deviates_since__isnull=False))
    rows = list(FilterPolicy.objects.shown().annotate(members_count=Count("members"), off_count=off))
    names = names_of(rows)
    return [PolicyShown(row, person, names) for row in rows]


def names_of(rows: Iterable[FilterPolicy]) -> dict[object, str]:
    """The names of these policies' teams and units."""
    ids = [group for row in rows if (group := row.team_id or row.unit_id)]
    names: dict[object, str] = dict(FilterTeam.objects.filter(pk__in=ids).values_list("pk", "name"))
    return names | dict(FilterUnit.objects.filter(pk__in=ids).values_list("pk", "name"))
