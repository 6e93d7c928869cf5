"""Policies: groups of users whose filters should be in one state, and the users of each group as last compared."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from syncapp.models.jobs.job import Job, JobQuerySet, job_indexes, lease_columns_are_consistent
from syncapp.models.sync_filters.run import Plan
from syncapp.models.sync_filters.user import FilterUser


class PolicyMode(models.TextChoices):
    """shadow ─▶ [a second person ─▶] repair ─▶ shadow; either can be paused; any ─▶ removed."""

    SHADOW = "shadow", "Shadow mode"
    REPAIR = "repair", "Repair mode"
    REMOVED = "removed", "Removed"


class PolicyQuerySet(JobQuerySet):
    """Named reads of policies."""

    def current(self) -> PolicyQuerySet:
        """Return all policies except removed ones, sorted by name."""
        return self.exclude(mode=PolicyMode.REMOVED).order_by("name", "pk")

    def comparing(self) -> PolicyQuerySet:
        """Return the policies that compare their group, regardless of their dates."""
        return self.current().filter(is_paused=False, asks="")

    def needing_decision(self) -> PolicyQuerySet:
        """Return the policies that were stopped automatically and need a person's decision."""
        return self.current().exclude(asks="")


class FilterPolicy(Job):
    """The desired state of one team's or business unit's filters, and the job that compares it.

    `asks`: why it was stopped automatically. `accepts_group`: the next comparison accepts any change to the group.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=80)
    team_id = models.UUIDField(null=True, blank=True)
    unit_id = models.UUIDField(null=True, blank=True)
    tables = models.JSONField(default=list, help_text="Logical names of the tables whose filters are compared.")
    wanted_on = models.BooleanField(default=False)
    exceptions = models.JSONField(default=list, blank=True, help_text="Ids of CRM users that are skipped.")
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True, help_text="The last day.")
    per_night = models.PositiveSmallIntegerField(default=50)
    mode = models.CharField(max_length=8, choices=PolicyMode, default=PolicyMode.SHADOW)
    is_paused = models.BooleanField(default=False)
    asks = models.CharField(max_length=300, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True)
    accepts_group = models.BooleanField(default=True)
    wants_full = models.BooleanField(default=True)
    full_at = models.DateTimeField(null=True, blank=True, help_text="When the whole group was last compared.")
    compared_at = models.DateTimeField(null=True, blank=True, help_text="When at least new users were last compared.")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    repair_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The person who turned on repair; its runs are in their name.",
    )
    repairs_since = models.DateTimeField(null=True, blank=True, help_text="When a person last turned on repair.")
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects: ClassVar[Any] = PolicyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "filter policies"
        indexes = job_indexes("policy")
        constraints = [
            lease_columns_are_consistent("policy"),
            models.CheckConstraint(
                name="a_policy_is_for_a_team_or_a_unit",
                condition=Q(team_id__isnull=False, unit_id__isnull=True)
                | Q(team_id__isnull=True, unit_id__isnull=False),
            ),
            models.CheckConstraint(
                name="a_repairing_policy_has_its_person", condition=~Q(mode="repair") | Q(repair_by__isnull=False)
            ),
            models.CheckConstraint(
                name="nobody_confirms_his_own_policy",
                condition=Q(confirmed_by__isnull=True) | ~Q(confirmed_by=F("repair_by")),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_active(self) -> bool:
        """Return whether the policy compares its group, regardless of its dates."""
        return not self.is_paused and not self.asks and self.mode != PolicyMode.REMOVED

    @property
    def waits_for_a_second_person(self) -> bool:
        """Return whether a person asked for repairs and no second person has confirmed them yet."""
        return self.mode == PolicyMode.SHADOW and self.repair_by_id is not None

    def is_in_force(self, day: date) -> bool:
        """Return whether the policy is in force on this day."""
        return (self.starts_on is None or self.starts_on <= day) and (self.ends_on is None or day <= self.ends_on)


class PolicyMember(models.Model):
    """A user of the group as last compared.

    `deviates_since` is None if the user's filters are as desired or cannot be switched.
    `in_baseline`: the user was in the group at the last full comparison, from which changes to the group are counted.
    """

    policy = models.ForeignKey(FilterPolicy, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(FilterUser, on_delete=models.CASCADE, related_name="+")
    plan = models.CharField(max_length=8, choices=Plan)
    why = models.CharField(max_length=300, blank=True)
    deviates_since = models.DateTimeField(null=True, blank=True)
    held_back = models.CharField(max_length=300, blank=True, help_text="Why the last repair held this user back.")
    in_baseline = models.BooleanField(default=True)
    decided_at = models.DateTimeField(
        null=True, blank=True, help_text="When a person put this policy in charge after a conflict with a run."
    )

    class Meta:
        indexes = [
            models.Index(fields=["policy", "deviates_since"], name="policy_deviates", condition=~Q(deviates_since=None))
        ]
        constraints = [models.UniqueConstraint(fields=["policy", "user"], name="one_member_a_policy_and_user")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.policy_id}"
