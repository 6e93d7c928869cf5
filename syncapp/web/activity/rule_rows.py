"""The row of a rule's decisions in one round."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace

from django.db.models import Count

from syncapp.activity.facts import Facts
from syncapp.models import AuditEntry, Decision
from syncapp.review.rules.runs import CHANNEL
from syncapp.text.localization import number
from syncapp.web.activity.decision_results import DECISION_RESULTS, totals_of
from syncapp.web.activity.links import Links
from syncapp.web.activity.presenter import EntryPresenter, Group

FIELD_ACTIONS = ("field.review.approved", "field.review.rejected")


def is_rule_decision(entry: AuditEntry) -> bool:
    """Return whether the entry is a rule's decision, which may be the first of several."""
    return entry.channel == CHANNEL and entry.group is not None and entry.action in FIELD_ACTIONS


def count_fields(groups: Sequence[uuid.UUID | None]) -> dict[uuid.UUID, int]:
    """Count the decisions of each round."""
    entries = AuditEntry.objects.filter(group__in=groups, action__in=FIELD_ACTIONS)
    counted = entries.order_by().values_list("group").annotate(fields=Count("pk"))
    return {group: fields for group, fields in counted if group} if groups else {}


def row_of(row: EntryPresenter, fields: int, related: Facts, links: Links, *, address: str) -> EntryPresenter:
    """Return the row of a round; a round of one decision cannot be opened, but shows the result."""
    entry = row.entry
    if fields == 1:
        decision = related.decisions.get(entry.decision_id) if entry.decision_id else None
        result = DECISION_RESULTS.get(decision.state) if decision else None
        return replace(row, notes=(*row.notes, result[2])) if result else row
    rule = related.rule(entry)
    return replace(
        row,
        subject=f"{number(fields)} fields",
        address="",
        label="",
        change=None,
        group=Group(
            name=f"the {number(fields)} decisions of a rule",
            address=address,
            totals=(),
            all_words="The rule and its decisions",
            all_address=links.to("settings_rule", rule.pk) if rule else "",
            line_actions=FIELD_ACTIONS,
        ),
    )


def with_totals(group: Group, group_id: uuid.UUID) -> Group:
    """Return the opened group with the results of its decisions."""
    ids = AuditEntry.objects.filter(group=group_id, action__in=FIELD_ACTIONS).values("decision_id")
    counted: Mapping[str, int] = dict(
        Decision.objects.filter(pk__in=ids).order_by().values_list("state").annotate(fields=Count("pk"))
    )
    return replace(group, totals=totals_of(counted))
