"""Groups of the users that a run holds back: by their next meeting, or by the risk to their mailbox.

A group can be released as a whole once its list has been shown. Users whose risk is unknown are released one by one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django.db import models
from django.db.models import Case, CharField, Count, F, Min, Q, Sum, Value, When
from django.utils import timezone

from syncapp.models import FilterRun, MeetingAtRisk
from syncapp.models.sync_filters.run import ItemQuerySet, Plan
from syncapp.sync_filters.runs import method_plans


class HeldGroup(models.TextChoices):
    """A group of held-back users; the values are used in URLs.

    Users are grouped by the day of their next meeting in the reader's time zone. In a run that sets mailbox methods,
    they are grouped by the reason.
    """

    TODAY = "today", "Today"
    WEEK = "week", "In 1 to 7 days"
    FORTNIGHT = "fortnight", "In 8 to 14 days"
    LATER = "later", "More than 14 days away"
    UNDATED = "undated", "Next date not known"
    UNCOUNTED = "uncounted", "Could not be counted"
    ONLY_PATH = "only_path", method_plans.ONLY_PATH
    TWICE = "twice", method_plans.TWICE
    NO_CLIENT = "no_client", method_plans.NO_CLIENT
    OTHER = "other", "Other reasons"

    @property
    def can_be_released_together(self) -> bool:
        """Return whether the risk is known for all users of the group."""
        return self not in (HeldGroup.UNCOUNTED, HeldGroup.OTHER)


_REASON_GROUPS = (HeldGroup.ONLY_PATH, HeldGroup.TWICE, HeldGroup.NO_CLIENT)


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """A group with its users, meetings and attendees, and its next meeting (None if no date is known)."""

    group: HeldGroup
    users: int
    meetings: int
    attendees: int
    first: MeetingAtRisk | None = None


def members(run: FilterRun, group: HeldGroup) -> ItemQuerySet:
    """Return the items of a group, as of now in the active time zone."""
    held: ItemQuerySet = run.items.filter(plan=Plan.HELD)
    condition = _conditions(run).get(group)
    return held.none() if condition is None else held.filter(condition)


def summaries(run: FilterRun) -> list[GroupSummary]:
    """Return a summary of each group that has users, in the order of HeldGroup."""
    conditions = _conditions(run)
    cases = [When(condition, then=Value(group.value)) for group, condition in conditions.items()]
    held = run.items.filter(plan=Plan.HELD).order_by().annotate(group=Case(*cases, output_field=CharField()))
    counts: dict[str, Any] = {"users": Count("pk"), "nearest": Min("next_meeting_at")}
    counts |= {f"{name}_sum": Sum(name) for name in ("meetings", "attendees")}
    rows = {row["group"]: row for row in held.values("group").annotate(**counts)}
    starts = [row["nearest"] for row in rows.values() if row["nearest"]]
    meetings = MeetingAtRisk.objects.filter(
        item__run=run, item__plan=Plan.HELD, item__next_meeting_at__in=starts, starts_at=F("item__next_meeting_at")
    )
    first = {meeting.starts_at: meeting for meeting in meetings.order_by("-pk")}
    return [
        GroupSummary(
            group,
            row["users"],
            row["meetings_sum"] or 0,
            row["attendees_sum"] or 0,
            first.get(row["nearest"]),
        )
        for group in conditions
        if (row := rows.get(group.value))
    ]


def digest(items: ItemQuerySet) -> str:
    """Return a digest of these users, with which a form proves which users were shown."""
    keys = items.order_by("pk").values_list("pk", flat=True)
    return hashlib.sha256(",".join(map(str, keys)).encode()).hexdigest()[:32]


def _conditions(run: FilterRun) -> Mapping[HeldGroup, Q]:
    if run.sets_mailbox_method:
        by_reason = {group: Q(why=group.label) for group in _REASON_GROUPS}
        return by_reason | {HeldGroup.OTHER: ~Q(why__in=[group.label for group in _REASON_GROUPS])}
    now, zone = timezone.localtime(), timezone.get_current_timezone()
    tomorrow, week, fortnight = (
        datetime.combine(now.date() + timedelta(days=days), time.min, tzinfo=zone) for days in (1, 8, 15)
    )
    return {
        HeldGroup.TODAY: Q(meetings__isnull=False, next_meeting_at__lt=tomorrow),
        HeldGroup.WEEK: Q(meetings__isnull=False, next_meeting_at__gte=tomorrow, next_meeting_at__lt=week),
        HeldGroup.FORTNIGHT: Q(meetings__isnull=False, next_meeting_at__gte=week, next_meeting_at__lt=fortnight),
        HeldGroup.LATER: Q(meetings__isnull=False, next_meeting_at__gte=fortnight),
        HeldGroup.UNDATED: Q(meetings__isnull=False, next_meeting_at__isnull=True),
        HeldGroup.UNCOUNTED: Q(meetings__isnull=True),
    }
