"""The second-person rule: a limit on users that one person may switch alone in a day, over all runs and policies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from syncapp.models import FilterPolicy, FilterRun, FilterRunItem, FilterUser, Person
from syncapp.models.sync_filters.policy import PolicyMode
from syncapp.models.sync_filters.run import WRITTEN, Outcome, Plan, RunState

DAY = timedelta(days=1)
_STARTED = [RunState.RUNNING, RunState.PAUSED, RunState.DONE, RunState.CANCELLED]


@dataclass(frozen=True, slots=True)
class Load:
    """Counts of users: those that a run or policy switches, and others whom its person switches alone (`before`)."""

    users: int
    before: int = 0
    of_policies: bool = False

    @property
    def total(self) -> int:
        return self.users + self.before

    @property
    def needs_second_person(self) -> bool:
        return self.total > settings.SECOND_PERSON_ABOVE

    @property
    def why(self) -> str:
        """Return why a second person has to confirm, '' within the limit."""
        if not self.needs_second_person:
            return ""
        limit = settings.SECOND_PERSON_ABOVE
        if self.of_policies:
            others = f" With {self.before:,} of other policies, that makes {self.total:,}." if self.before else ""
            return f"One person may switch up to {limit:,} users alone; this group has {self.users:,}.{others}"
        if not self.before:
            return f"One person may switch up to {limit:,} users a day alone; this run switches {self.users:,}."
        return (
            f"One person may switch up to {limit:,} users a day alone. {self.before:,} other users were switched or "
            f"are being switched within the last 24 hours; with the {self.users:,} of this run, that makes "
            f"{self.total:,}."
        )


def load(run: FilterRun) -> Load:
    """Count the users that a run adds to those its creator switched alone in a day; an undo adds none."""
    if run.undoes_id is not None:
        return Load(0)
    # Users in unconfirmed runs of the same person: written within a day, or still to come.
    users, since = run.items.unfinished(), timezone.now() - DAY
    is_recent = Q(finished_at__isnull=True) | Q(finished_at__gte=since)
    runs = FilterRun.objects.filter(is_recent, person=run.person, state__in=_STARTED, undoes=None, confirmed_by=None)
    written = Q(outcome__in=[*WRITTEN, Outcome.FAILED], finished_at__gte=since)
    alone = FilterRunItem.objects.filter(Q(outcome=Outcome.OPEN) | written, run__in=runs, plan=Plan.CHANGE)
    others = alone.exclude(run=run).exclude(user__in=users.values("user"))
    return Load(users.count(), others.values("user").distinct().count())


def waits(run: FilterRun) -> bool:
    """Return whether a run still needs a confirmation; the runs of a confirmed policy do not."""
    return run.confirmed_by_id is None and load(run).needs_second_person


def policy_load(policy: FilterPolicy, *, by: Person) -> Load:
    """Return the users of a policy's group, and those of other policies that this person repairs alone."""
    repairing = FilterPolicy.objects.filter(mode=PolicyMode.REPAIR, repair_by=by, confirmed_by__isnull=True)
    others = FilterUser.objects.filter(
        pk__in=policy.members.model.objects.filter(policy__in=repairing.exclude(pk=policy.pk)).values("user")
    )
    before = others.exclude(pk__in=policy.members.values("user")).count()
    return Load(policy.members.count(), before, of_policies=True)
