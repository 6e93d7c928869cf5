"""Filter runs: a fixed list of users, the desired state of each one's filters, and the outcomes."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from syncapp.models.jobs.job import Job, JobQuerySet, job_indexes, lease_columns_are_consistent
from syncapp.models.sync_filters.user import FilterUser


class RunState(models.TextChoices):
    """preparing ─▶ [counting ─▶] planned ─▶ [waiting for a second person ─▶] running ⇄ paused ─▶ done.

    A run can be canceled in any state except done. An undo goes from preparing to running.
    """

    PREPARING = "preparing", "Preparing"
    COUNTING = "counting", "Counting meetings"
    PLANNED = "planned", "Preview"
    WAITING = "waiting", "Waiting for a second person"
    RUNNING = "running", "Running"
    PAUSED = "paused", "Paused"
    DONE = "done", "Done"
    CANCELLED = "cancelled", "Canceled"


NOT_STARTED = [RunState.PREPARING, RunState.COUNTING, RunState.PLANNED, RunState.WAITING]
OPEN_RUNS = [*NOT_STARTED, RunState.RUNNING, RunState.PAUSED]


class RunOperation(models.TextChoices):
    """The subject of a run: the filters of some tables, or the mailbox method."""

    FILTERS = "filters", "Filters"
    METHOD = "method", "Synchronization method"


class Plan(models.TextChoices):
    """The plan for a user when the list was made."""

    CHANGE = "change", "Will change"
    ALREADY = "already", "No change needed"
    CANNOT = "cannot", "Cannot change"
    HELD = "held", "Held back"
    LEFT_OUT = "left_out", "Left out"


class Outcome(models.TextChoices):
    """The result of one item of a run; every item gets a result."""

    OPEN = "", "Not yet"
    DONE = "done", "Done"
    PARTLY = "partly", "Partly done"
    ALREADY = "already", "No change needed"
    NO_FILTER = "no_filter", "No filter"
    HELD = "held", "Held back"
    LEFT_OUT = "left_out", "Left out"
    DISABLED = "disabled", "Disabled user"
    NO_ROLE = "no_role", "No role"
    NO_MAILBOX = "no_mailbox", "No mailbox"
    NOT_READY = "not_ready", "Mailbox not ready"
    DENIED = "denied", "Denied"
    CHANGED = "changed", "Changed in the meantime"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Canceled"


FAILURES = [Outcome.DENIED, Outcome.FAILED]
# Outcomes of items whose listed filters were all written and read back in the desired state.
WRITTEN = [Outcome.DONE, Outcome.PARTLY]
# The due time of items of a run that is not started or is paused.
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


class FilterRun(models.Model):
    """A run. `wanted_on` is a desired state, never a toggle. `undoes`: the run that it undoes.

    A run switches the filters of `tables` to `wanted_on`, or sets mailboxes to `wanted_method` (SyncMethod; None for an
    undo, which restores each mailbox's own method). `retries`: the earlier run whose users it tries again.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.PositiveIntegerField(unique=True)
    state = models.CharField(max_length=10, choices=RunState, default=RunState.PREPARING)
    tables = models.JSONField(default=list, help_text="Logical names of the tables whose filters are switched.")
    wanted_on = models.BooleanField(default=False)
    operation = models.CharField(
        max_length=8,
        choices=RunOperation,
        default=RunOperation.FILTERS,
        db_default=RunOperation.FILTERS,
        db_column="lever",
    )
    wanted_method = models.SmallIntegerField(null=True, blank=True)
    words = models.CharField(max_length=300, blank=True, help_text="A description of the targets.")
    users = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Users in the list, or users selected until the list is prepared."
    )
    reason = models.CharField(max_length=500, blank=True)
    change_number = models.CharField(max_length=60, blank=True)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    policy = models.ForeignKey("FilterPolicy", on_delete=models.PROTECT, null=True, blank=True, related_name="runs")
    undoes = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="undone_by")
    retries = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="retried_by")
    keeps_deletes_apart = models.BooleanField(null=True, help_text="As read when the list was prepared; null: unknown.")
    stop_above_percent = models.PositiveSmallIntegerField(default=5)
    pilot = models.PositiveIntegerField(default=0, help_text="Users to run before the run pauses. 0: no pilot.")
    paused_because = models.CharField(max_length=20, blank=True)
    frozen_at = models.DateTimeField(auto_now_add=True)
    starts_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    dispatched_at = models.DateTimeField(null=True, blank=True, db_column="rung_at")

    class Meta:
        indexes = [models.Index(fields=["frozen_at"], name="run_open", condition=Q(state__in=OPEN_RUNS))]
        constraints = [
            models.CheckConstraint(
                name="nobody_confirms_his_own_run",
                condition=Q(confirmed_by__isnull=True) | ~Q(confirmed_by=F("person")),
            ),
            models.CheckConstraint(
                name="a_finished_run_has_its_time",
                condition=Q(state="done", finished_at__isnull=False) | ~Q(state="done"),
            ),
        ]

    def __str__(self) -> str:
        return f"Run {self.number}"

    @property
    def is_open(self) -> bool:
        """Return whether the run can still change something."""
        return self.state in OPEN_RUNS

    @property
    def sets_mailbox_method(self) -> bool:
        """Return whether the run sets mailbox methods instead of switching filters."""
        return self.operation == RunOperation.METHOD

    @property
    def is_discarded(self) -> bool:
        """Return whether the run was canceled before it was started."""
        return self.state == RunState.CANCELLED and self.started_at is None

    @property
    def state_label(self) -> str:
        """Return the label of the state; "Discarded" if the run was canceled before it was started."""
        return "Discarded" if self.is_discarded else self.get_state_display()

    @property
    def is_scheduled(self) -> bool:
        """Return whether the run has been started and waits for its start time."""
        return self.state == RunState.RUNNING and self.starts_at is not None and self.starts_at > timezone.now()


class ItemQuerySet(JobQuerySet):
    """Named reads of a run's items."""

    def unfinished(self) -> ItemQuerySet:
        """Return the items that the run still has to process."""
        return self.filter(plan=Plan.CHANGE, outcome=Outcome.OPEN)


class FilterRunItem(Job):
    """One user of a run, processed as a separate job. `meetings` is None if not counted, which is not zero.

    `next_meeting_at`: the nearest of the meetings; None if unknown, as for a series in progress.

    The mailbox and method columns belong to runs that set mailbox methods. `mailbox_etag_after` is the version that our
    write created, '' before the write.
    """

    run = models.ForeignKey(FilterRun, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    user = models.ForeignKey(FilterUser, on_delete=models.PROTECT, related_name="+")
    plan = models.CharField(max_length=8, choices=Plan)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.OPEN, blank=True)
    why = models.CharField(max_length=300, blank=True)
    released = models.BooleanField(default=False, help_text="Whether the user was held back and then ticked by hand.")
    needs_count = models.BooleanField(default=False)
    meetings = models.PositiveIntegerField(null=True, blank=True)
    attendees = models.PositiveIntegerField(null=True, blank=True)
    next_meeting_at = models.DateTimeField(null=True, blank=True)
    mailbox_id = models.UUIDField(null=True, blank=True)
    mailbox_etag = models.CharField(max_length=100, blank=True, default="", db_default="")
    found_method = models.SmallIntegerField(null=True, blank=True)
    wanted_method = models.SmallIntegerField(null=True, blank=True)
    mailbox_etag_after = models.CharField(max_length=100, blank=True, default="", db_default="")
    mailbox_written = models.BooleanField(default=False, db_default=False)

    objects: ClassVar[Any] = ItemQuerySet.as_manager()

    class Meta:
        indexes = [
            *job_indexes("filter_item"),
            models.Index(fields=["run", "outcome", "position"], name="filter_item_outcome"),
            models.Index(fields=["run", "plan", "position"], name="filter_item_plan"),
            models.Index(fields=["run", "finished_at"], name="filter_item_settled"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["run", "user"], name="one_item_a_user_and_run"),
            lease_columns_are_consistent("filter_item"),
            models.CheckConstraint(
                name="a_settled_item_has_an_outcome", condition=~Q(state__in=["done", "failed"]) | ~Q(outcome="")
            ),
        ]

    def __str__(self) -> str:
        return f"item {self.position} of run {self.run_id} ({self.outcome or self.state})"


class FilterRunChange(models.Model):
    """One filter of an item: the state found, the state wanted, and whether we wrote it."""

    item = models.ForeignKey(FilterRunItem, on_delete=models.CASCADE, related_name="changes")
    filter_id = models.UUIDField()
    table = models.CharField(max_length=128)
    name = models.CharField(max_length=200, blank=True)
    found_state = models.SmallIntegerField()
    found_status = models.SmallIntegerField()
    etag = models.CharField(max_length=100, blank=True)
    etag_after = models.CharField(max_length=100, blank=True, help_text="The ETag after our write.")
    wanted_state = models.SmallIntegerField()
    wanted_status = models.SmallIntegerField()
    written = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "filter_id"], name="one_change_a_filter_and_item")]

    def __str__(self) -> str:
        return f"{self.name}: {self.found_state} → {self.wanted_state}"


class MeetingAtRisk(models.Model):
    """A future meeting that its organizer's Outlook may cancel because of a run; kept for 90 days."""

    item = models.ForeignKey(FilterRunItem, on_delete=models.CASCADE, related_name="meetings_at_risk")
    meeting_id = models.UUIDField()
    table = models.CharField(max_length=128)
    subject = models.CharField(max_length=400, blank=True)
    starts_at = models.DateTimeField(null=True, blank=True)
    attendees = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "meetings at risk"
        constraints = [models.UniqueConstraint(fields=["item", "meeting_id"], name="one_meeting_an_item")]

    def __str__(self) -> str:
        return f"meeting {self.meeting_id}"


class MeetingCount(Job):
    """The job that counts the meetings a planned run may cancel; the run is "counting" until the job ends."""

    run = models.OneToOneField(FilterRun, on_delete=models.CASCADE, primary_key=True, related_name="meeting_count")

    class Meta:
        indexes = job_indexes("meeting_count")
        constraints = [lease_columns_are_consistent("meeting_count")]

    def __str__(self) -> str:
        return f"meeting count of run {self.pk} ({self.state})"
