"""Rows that stand for several entries: a run, a bulk decision, a rule's round, a put-back plan."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from django.db.models import Count

from syncapp.activity import audit_log
from syncapp.activity.facts import Facts
from syncapp.models import AuditEntry, FilterRun, FilterRunItem, SelectionItem
from syncapp.models.sync_filters.run import RunState
from syncapp.sync_filters.runs import titles
from syncapp.text.localization import number
from syncapp.web.activity import presenter, put_back_rows, rule_rows, run_entries, words
from syncapp.web.activity.decision_results import DECISION_RESULTS
from syncapp.web.activity.links import Links
from syncapp.web.activity.presenter import PORTAL, EntryPresenter, Group, Total
from syncapp.web.activity.run_entries import EndState
from syncapp.web.filters.run_words import MEANINGS

MAX_LINES = 10
MAX_STEPS = 30
SELECTION_ACTIONS = ("selection.approved", "selection.rejected")
_Query = Callable[..., str]
Result = SelectionItem.Result
# The results of a bulk decision in the order of the page: icon, tone, words. Both vocabularies have an "open".
_RESULTS: Mapping[tuple[str, str], tuple[str, str, str]] = {
    **{(Result.TAKEN, state): result for state, result in DECISION_RESULTS.items()},
    (Result.REFUSED, ""): ("cross", "warn", "not decided"),
    (Result.OMITTED, ""): ("minus", "", "left out: changed in the CRM"),
    (Result.OPEN, ""): ("clock", "", "not decided yet"),
}


def summarize_rows(
    rows: Sequence[EntryPresenter],
    related: Facts,
    links: Links,
    *,
    query: _Query,
    opened: int | None,
    summarizes_runs: bool,
) -> list[EntryPresenter]:
    """Turn the rows of bulk decisions and rounds into summaries; with `summarizes_runs`, also those of runs and plans.

    `opened` is the id of the entry whose row also lists its steps and lines. `query` returns the page's query string
    with `open` changed.
    """
    steps = [row.entry for row in rows if summarizes_runs and row.entry.action in audit_log.RUN_ACTIONS]
    runs = {entry.pk: run for entry in steps if (run := related.run(entry))}
    users = _count_users([entry for entry in steps if entry.pk in runs], runs)
    fields = _count_fields(
        [row.entry.group for row in rows if row.entry.action in SELECTION_ACTIONS and row.entry.group]
    )
    plans = {row.entry.pk: plan for row in rows if summarizes_runs and (plan := related.plan(row.entry))}
    fields_of_plans = put_back_rows.count_fields([row for row in rows if row.entry.pk in plans])
    rounds = rule_rows.count_fields([row.entry.group for row in rows if rule_rows.is_rule_decision(row.entry)])
    found = []
    for row in rows:
        entry = row.entry
        address = query(open="" if entry.pk == opened else entry.pk)
        if run := runs.get(entry.pk):
            row = _run_row(row, run, users[run.pk], links, address=address)
        elif entry.action in SELECTION_ACTIONS and entry.group:
            row = _selection_row(row, fields[entry.group], address=address)
        elif plan := plans.get(entry.pk):
            row = put_back_rows.row_of(row, plan, fields_of_plans[plan.pk], address=address)
        elif entry.group in rounds and rule_rows.is_rule_decision(entry):
            row = rule_rows.row_of(row, rounds[entry.group], related, links, address=address)
        if row.group and entry.pk == opened:
            row = replace(row, group=_open_group(row, row.group, run, links))
        found.append(row)
    return found


def _run_row(
    row: EntryPresenter, run: FilterRun, counted: Mapping[str, int], links: Links, *, address: str
) -> EntryPresenter:
    """Return the row of a run: the person who started it, its effect, and the number of users."""
    has_ended = run.state == RunState.DONE
    users = f"{number(run.users)} user{'' if run.users == 1 else 's'}"
    results = run_entries.results(counted) if run.started_at else ""
    then = f" again for {users} by run {run.number}" if run.undoes else f" for {users}"
    subject = (f"Run {run.number}", links.to("filter_run", run.pk))
    via = f"filter run, confirmed by {run.confirmed_by}" if run.confirmed_by else "filter run"
    if run.policy:
        subject = (run.policy.name, links.to("policy", run.policy.pk))
        then, via = f"{then} in run {run.number}", f"policy, for {run.person}"
    elif run.undoes:
        subject = (f"Run {run.undoes.number}", links.to("filter_run", run.undoes.pk))
    totals = _run_totals(run, counted, links) if run.started_at else ()
    reason = f"Reason: {run.reason}" if run.reason and not run.policy else ""
    paused = run_entries.pause_words(run.paused_because) if run.state == RunState.PAUSED else ""
    return replace(
        row,
        who=PORTAL if run.policy else run.person.name,
        is_by_portal=run.policy is not None,
        action_label=run_entries.run_label(run) if has_ended else row.action_label,
        subject=subject[0],
        address=subject[1],
        state=EndState(*titles.end_state_parts(run), then=f"{then}: {results}" if results else then),
        notes=tuple(filter(None, (paused, reason))),
        via=via,
        group=Group(
            name=f"run {run.number}, {users}",
            address=address,
            totals=totals,
            all_words=f"All {users}" if run.users != 1 else "The run",
            all_address=links.to("filter_run", run.pk),
            step_actions=(*audit_log.RUN_ACTIONS, "run.undone"),
            line_actions=run_entries.USER_ACTIONS,
        ),
    )


def _selection_row(row: EntryPresenter, counted: Mapping[tuple[str, str], int], *, address: str) -> EntryPresenter:
    """Return the row of a bulk decision with the results of its fields."""
    totals = tuple(
        Total(icon, tone, counted[code], result) for code, (icon, tone, result) in _RESULTS.items() if counted.get(code)
    )
    results = ", ".join(f"{number(total.number)} {total.words}" for total in totals)
    return replace(
        row,
        via=words.channel("selection"),
        notes=(*row.notes, *([results] if results else [])),
        group=Group(
            name=f"the decision about {row.subject}",
            address=address,
            totals=totals,
            all_words=f"All {row.subject}",
            all_address=row.address,
            line_actions=rule_rows.FIELD_ACTIONS,
        ),
    )


def _open_group(row: EntryPresenter, group: Group, run: FilterRun | None, links: Links) -> Group:
    """Return the group with its newest lines, and with the steps that people took in a run or plan."""
    group_id = row.entry.group or uuid.UUID(int=0)
    steps = presenter.present(audit_log.entries_of_group(group_id, group.step_actions, limit=MAX_STEPS), links)
    lines = presenter.present(audit_log.entries_of_group(group_id, group.line_actions, limit=MAX_LINES), links)
    group = replace(group, is_open=True, steps=tuple(reversed(steps)))
    if run is None:
        group = rule_rows.with_totals(group, group_id) if rule_rows.is_rule_decision(row.entry) else group
        return replace(group, lines=tuple(lines))
    users = [line.entry.details.get("user") for line in lines]
    reasons = FilterRunItem.objects.filter(run=run, user__in=users).exclude(why="").values_list("user", "why")
    reason_of = {str(user_id): why for user_id, why in reasons}
    # All lines of the run are about the same state; only result and reason differ.
    shortened = (
        replace(
            line, notes=tuple(filter(None, (line.notes[0], reason_of.get(str(line.entry.details.get("user")), ""))))
        )
        for line in lines
    )
    return replace(group, lines=tuple(shortened))


def _run_totals(run: FilterRun, counted: Mapping[str, int], links: Links) -> tuple[Total, ...]:
    address, found = links.to("filter_run", run.pk), []
    for outcome, (icon, tone, means) in MEANINGS.items():
        code = outcome.value or "open"
        if counted.get(code):
            total_words = f"{outcome.label.lower()}: {means[:1].lower()}{means[1:]}"
            found.append(Total(icon, tone, counted[code], total_words, f"{address}?part={code}" if address else ""))
    return tuple(found)


def _count_users(entries: Sequence[AuditEntry], runs: Mapping[int, FilterRun]) -> dict[uuid.UUID, Counter[str]]:
    """Count the users of each run by outcome; the entry of an ended run already has the numbers."""
    counted: dict[uuid.UUID, Counter[str]] = {run.pk: Counter() for run in runs.values()}
    unended = set(counted)
    for entry in entries:
        if entry.action == "run.done":
            run = runs[entry.pk]
            counted[run.pk].update({name: users for name, users in entry.details.items() if name != "run"})
            unended.discard(run.pk)
    started = [run.pk for run in runs.values() if run.pk in unended and run.started_at]
    rows = FilterRunItem.objects.filter(run__in=started).order_by().values_list("run", "outcome")
    for run_id, outcome, users in rows.annotate(users=Count("pk")) if started else ():
        counted[run_id][outcome or "open"] += users
    return counted


def _count_fields(selections: Sequence[uuid.UUID]) -> dict[uuid.UUID, Counter[tuple[str, str]]]:
    """Count the fields of each bulk decision by result and by the state of their decision."""
    counted: dict[uuid.UUID, Counter[tuple[str, str]]] = {pk: Counter() for pk in selections}
    rows = SelectionItem.objects.filter(selection__in=selections).order_by()
    grouped = rows.values_list("selection", "result", "decision__state").annotate(fields=Count("pk"))
    for selection_id, result, state, fields in grouped if selections else ():
        counted[selection_id][result, state or ""] += fields
    return counted
