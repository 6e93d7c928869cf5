"""The row of a put-back plan, with its results."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from django.db.models import Count

from syncapp.activity import audit_log
from syncapp.models import PutBackItem, PutBackPlan
from syncapp.models.capture.put_back import PutBackResult
from syncapp.text.localization import number
from syncapp.web.activity.presenter import EntryPresenter, Group, Total

FIELD_ACTIONS = ("field.restore.put_back",)
_TONES: Mapping[str, tuple[str, str]] = {
    PutBackResult.DONE: ("check", "good"),
    PutBackResult.OPEN: ("clock", ""),
    PutBackResult.LEFT: ("minus", ""),
    PutBackResult.FAILED: ("stop-sign", "bad"),
}


def count_fields(steps: Sequence[EntryPresenter]) -> dict[uuid.UUID, Counter[str]]:
    """Count the fields of each plan by result; the entry of an ended plan already has the numbers."""
    counted: dict[uuid.UUID, Counter[str]] = {}
    live: list[uuid.UUID] = []
    for entry in (step.entry for step in steps):
        plan_id = entry.group or uuid.UUID(int=0)
        counted[plan_id] = Counter()
        if entry.action == "capture.put_back_ended":
            counted[plan_id].update(entry.details)
        else:
            live.append(plan_id)
    rows = PutBackItem.objects.filter(plan__in=live).order_by().values_list("plan", "result")
    for plan_id, result, fields in rows.annotate(fields=Count("pk")) if live else ():
        counted[plan_id][result] += fields
    return counted


def row_of(row: EntryPresenter, plan: PutBackPlan, counted: Mapping[str, int], *, address: str) -> EntryPresenter:
    """Return the row of a plan at its newest step: who started it, and the results of its fields."""
    totals = tuple(
        Total(icon, tone, counted[code], PutBackResult(code).label.lower())
        for code, (icon, tone) in _TONES.items()
        if counted.get(code)
    )
    fields = sum(counted.values())
    counted_fields = f"{number(fields)} field{'' if fields == 1 else 's'}"
    results = ", ".join(f"{number(total.number)} {total.words}" for total in totals)
    return replace(
        row,
        who=(plan.started_by or plan.created_by).name,
        is_by_portal=False,
        notes=tuple(filter(None, (results,))),
        group=Group(
            name=f"the plan that puts {counted_fields} back",
            address=address,
            totals=totals,
            all_words=f"All {counted_fields}" if fields != 1 else "The plan",
            all_address=row.address,
            step_actions=audit_log.PUT_BACK_ACTIONS,
            line_actions=FIELD_ACTIONS,
        ),
    )
