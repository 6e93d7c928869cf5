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
    """The number of users of a run or policy, and of the other users whom its person switches alone (`others`)."""

    users: int
    others: int = 0
    is_for_policy: bool = False

    @property
    def total(self) -> int:
        return self.users + self.others

    @property
    def needs_second_person(self) -> bool:
        return self.total > settings.SECOND_PERSON_ABOVE

    @property
    def why(self) -> str:
        """Return why a second person has to confirm; '' if the limit is not exceeded."""
        if not self.needs_second_person:
            return ""
        limit = settings.SECOND_PERSON_ABOVE
        if self.is_for_policy:
            others = f" With {self.others:,} of other policies, that makes {self.total:,}." if self.others else ""
            alone = f"One person may switch up to {limit:,} users without a second person"
            return f"{alone}; this group has {self.users:,}.{others}"
        alone = f"One person may switch up to {limit:,} users per day without a second person"
        if not self.others:
            return f"{alone}; this run switches {self.users:,}."
        users_are = "user was switched or is" if self.others == 1 else "users were switched or are"
        return (
            f"{alone}. {self.others:,} other {users_are} being switched within the last 24 hours; with the "
            f"{self.users:,} of this run, that makes {self.total:,}."
        )


def run_load(run: FilterRun) -> Load:
    """Count a run's users, and the other users whom its creator switched alone within a day; 0 for an undo."""
    if run.undoes_id is not None:
        return Load(0)
    # Users in unconfirmed runs of the same person: written within a day, or still to come.
    users, since = run.items.unfinished(), timezone.now() - DAY
    is_recent = Q(finished_at__isnull=True) | Q(finished_at__gte=since)
    runs = FilterRun.objects.filter(is_recent, person=run.person, state__in=_STARTED, undoes=None, confirmed_by=None)
    written = Q(outcome__in=[*WRITTEN, Outcome.FAILED], finished_at__gte=since)
    switched_alone = FilterRunItem.objects.filter(Q(outcome=Outcome.OPEN) | written, run__in=runs, plan=Plan.CHANGE)
    others = switched_alone.exclude(run=run).exclude(user__in=users.values("user"))
    return Load(users.count(), others.values("user").distinct().count())


def needs_confirmation(run: FilterRun) -> bool:
    """Return whether a run still needs a confirmation; the runs of a confirmed policy do not."""
    return run.confirmed_by_id is None and run_load(run).needs_second_person


def policy_load(policy: FilterPolicy, *, by: Person) -> Load:
    """Count the users of a policy's group, and the other users of policies that this person repairs alone."""
    repairing = FilterPolicy.objects.filter(mode=PolicyMode.REPAIR, repair_by=by, confirmed_by__isnull=True)
    repaired_alone = FilterUser.objects.filter(
        pk__in=policy.members.model.objects.filter(policy__in=repairing.exclude(pk=policy.pk)).values("user")
    )
    others = repaired_alone.exclude(pk__in=policy.members.values("user")).count()
    return Load(policy.members.count(), others, is_for_policy=True)
