"""Planned runs whose users are held back, made without a CRM."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.utils import timezone

from syncapp.models import FilterRun, FilterRunItem, FilterUser, MeetingAtRisk
from syncapp.models.sync_filters.run import Plan
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES
from syncapp.sync_filters.runs import creation, meetings
from tests.support.people import fred
from tests.sync_filters.company import small_company

OFF = creation.RunSpec(APPOINTMENT_TABLES, on=False, words="Team Sales North", reason="Twice in Outlook")


def planned_run(spec: creation.RunSpec = OFF) -> FilterRun:
    """Plan a run for eight users, all of whom change."""
    small_company()
    users = FilterUser.objects.order_by("name_key").values_list("pk", flat=True)
    return creation.create_run(list(users), spec, by=fred())


def user(run: FilterRun, number: int) -> FilterRunItem:
    """Return the item of User `number`."""
    return run.items.get(user__name=f"User {number}")


def hold(item: FilterRunItem, *days: float, attendees: int = 3, series: bool = False) -> FilterRunItem:
    """Hold back a user with a meeting in each of these numbers of days; without days, the meetings are uncounted."""
    now = timezone.now()
    item.plan, item.why = Plan.HELD, "Organizes future meetings"
    if days:
        starts = [now + timedelta(days=each) for each in days]
        item.meetings, item.attendees = len(starts), attendees * len(starts)
        item.next_meeting_at = meetings.next_start(starts, now=now)
        table = "recurringappointmentmaster" if series else "appointment"
        MeetingAtRisk.objects.bulk_create(
            MeetingAtRisk(
                item=item,
                meeting_id=uuid.uuid4(),
                table=table,
                subject=f"Meeting in {each:g} days",
                starts_at=start,
                attendees=attendees,
            )
            for each, start in zip(days, starts, strict=True)
        )
    item.save()
    return item


def plans(run: FilterRun) -> dict[str, str]:
    """Return the users' plans by name, without those who change."""
    return {
        name.removeprefix("User "): plan
        for name, plan in run.items.exclude(plan="change").values_list("user__name", "plan")
    }
