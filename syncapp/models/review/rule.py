"""Rules that decide edits automatically, and traces of what each rule did or would have done."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from syncapp.models.mirror.sync_field import SyncField


class RuleState(models.TextChoices):
    """paused ─▶ shadow | enabled ─▶ paused; any ─▶ removed."""

    PAUSED = "paused", "Paused"
    SHADOW = "shadow", "Shadow mode"
    ENABLED = "enabled", "Enabled"
    REMOVED = "removed", "Removed"


ACTIVE_STATES = [RuleState.ENABLED, RuleState.SHADOW]


class RuleOutcome(models.TextChoices):
    """The decision that a rule makes for matching fields."""

    APPROVE = "approve", "Approve"
    REJECT = "reject", "Reject"
    LEAVE = "leave", "Leave to reviewers"


CONTENT = ("name", "columns", "editors", "kinds", "outcome", "reason_code", "reason")
EFFECT = CONTENT[1:]


class RuleQuerySet(models.QuerySet["Rule"]):
    """Named reads of rules."""

    def existing(self) -> RuleQuerySet:
        """Return all rules that are not removed, in order."""
        return self.exclude(state=RuleState.REMOVED).order_by("position", "name")

    def active(self) -> RuleQuerySet:
        """Return enabled and shadow rules, in order."""
        return self.filter(state__in=ACTIVE_STATES).order_by("position", "name")


class Rule(models.Model):
    """Conditions that must all hold (an empty list is no condition) and an outcome. The first matching rule decides."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=80)
    position = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=8, choices=RuleState, default=RuleState.PAUSED)
    columns = models.JSONField(default=list, blank=True, help_text="Logical names of columns.")
    editors = models.JSONField(default=list, blank=True, help_text="CRM users' ids.")
    kinds = models.JSONField(default=list, blank=True, help_text="Kinds of change.")
    outcome = models.CharField(max_length=8, choices=RuleOutcome, default=RuleOutcome.LEAVE)
    reason_code = models.CharField(max_length=40, blank=True)
    reason = models.TextField(blank=True)

    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The author of the current version, whose own edits the rule never decides.",
    )
    enabled_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    started_at = models.DateTimeField(null=True, blank=True, help_text="When it entered its current state.")
    paused_because = models.CharField(max_length=200, blank=True)
    simulation = models.JSONField(null=True, blank=True, help_text="The last simulation: its figures and its effect.")

    objects = RuleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="an_enabled_rule_has_somebody_who_enabled_it",
                condition=~Q(state=RuleState.ENABLED) | Q(enabled_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_new(self) -> bool:
        """Return whether it is paused because it was never enabled."""
        return self.state == RuleState.PAUSED and self.enabled_by_id is None and not self.paused_because

    @property
    def oid(self) -> uuid.UUID:
        """Return the author's Entra id, which the four-eyes check compares."""
        found: uuid.UUID = self.author.oid
        return found

    @property
    def content(self) -> dict[str, Any]:
        """Return the content that an administrator wrote, for the form, the settings file and the audit log."""
        return {name: getattr(self, name) for name in CONTENT}

    @property
    def effect(self) -> str:
        """Return a digest of all that determines the rule's effect; a simulation is valid only for the same digest."""
        effect = json.dumps({name: getattr(self, name) for name in EFFECT}, sort_keys=True)
        return hashlib.sha256(effect.encode()).hexdigest()[:32]

    @property
    def is_simulated(self) -> bool:
        """Return whether the last simulation is valid for the rule's current effect."""
        simulation: dict[str, Any] | None = self.simulation
        return simulation is not None and simulation["effect"] == self.effect


class RuleTrace(models.Model):
    """A rule's result for one field; in shadow mode, the result that it would have had."""

    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="traces")
    field = models.ForeignKey(SyncField, on_delete=models.CASCADE, related_name="rule_traces")
    decision = models.OneToOneField("syncapp.Decision", on_delete=models.PROTECT, null=True, related_name="rule_trace")
    at = models.DateTimeField()
    is_shadow = models.BooleanField()
    outcome = models.CharField(max_length=8, choices=RuleOutcome)
    refused = models.CharField(max_length=40, blank=True, help_text="Why the rule did not decide the field.")
    reversed_at = models.DateTimeField(null=True, blank=True, help_text="When a person reversed its decision.")

    class Meta:
        indexes = [models.Index(fields=["rule", "-at"], name="trace_of_rule")]
        constraints = [
            models.UniqueConstraint(fields=["rule", "field", "is_shadow"], name="one_trace_per_rule_and_field"),
            models.CheckConstraint(
                name="a_shadow_decides_nothing", condition=Q(is_shadow=False) | Q(decision__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} by rule {self.rule_id}"
