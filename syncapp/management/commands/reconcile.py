"""`manage.py reconcile`: compare the database with the CRM and the log after a restore."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import chain
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from syncapp.connection.clients import WrongOrganization, verified_client
from syncapp.crm.errors import CrmError
from syncapp.jobs.queue import LostLease
from syncapp.management.database_errors import as_command_errors
from syncapp.mirror import columns
from syncapp.mirror.edits import pull
from syncapp.models import Decision, Delivery, FilterRun, SyncField
from syncapp.review import decision_log, reconciliation
from syncapp.review.reconciliation import LostDecision, Report
from syncapp.text import escaping

NEEDS_ACTION = 3
MAX_LISTED = 20


class Command(BaseCommand):
    """The command that prints a report; with --apply, it first reads the CRM and stores lost decisions."""

    help = (
        "After a restore, report which decisions the CRM's rows prove, which were lost, what is open and what differs. "
        f"Exits with {NEEDS_ACTION} if a person has to act, otherwise with 0."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the logs, the period, and whether to change anything."""
        parser.add_argument(
            "--log",
            action="append",
            default=[],
            metavar="FILE",
            help="log of web or worker processes since the backup; may be given several times, - is standard input",
        )
        parser.add_argument("--apply", action="store_true", help="first read the CRM, and store lost decisions")
        parser.add_argument("--offline", action="store_true", help="do not compare with the CRM's current values")
        parser.add_argument(
            "--days",
            type=int,
            default=7,
            help="decisions recognized in the last N days belong to this restore (default 7)",
        )
        parser.add_argument(
            "--all", action="store_true", help=f"list everything, not only the first {MAX_LISTED} of each"
        )
        parser.add_argument("--json", action="store_true", help="print JSON for programs, with ids and without limits")

    def handle(self, *args: Any, log: Sequence[str], apply: bool, offline: bool, days: int, **output: Any) -> None:
        """Print the report; exit with NEEDS_ACTION if a person has to act."""
        if days < 1:
            raise CommandError("--days must be 1 or more.")
        try:
            logged = decision_log.parse(chain.from_iterable(map(_read_lines, log)))
        except OSError as error:
            raise CommandError(f"The log cannot be read: {error}") from error
        with as_command_errors():
            try:
                if apply:
                    # A lease from the backup, whose holder ended long ago, has to expire first.
                    until = time.monotonic() + settings.LEASE + 5
                    while pull.pull(verified_client()).busy:
                        if time.monotonic() > until:
                            raise CommandError("Another pull is running. Try again in a minute.")
                        time.sleep(1)
                    reconciliation.record_lost(reconciliation.find_lost(logged))
                crm = None if offline else verified_client()
                report = reconciliation.build_report(logged=logged, since=timedelta(days=days), crm=crm)
            except (CrmError, WrongOrganization, LostLease) as error:
                hint = "" if offline else " Without the comparison: --offline."
                raise CommandError(f"The CRM could not be read ({type(error).__name__}): {error}.{hint}") from error
        if output["json"]:
            self.stdout.write(json.dumps(_to_json(report), default=str, indent=2))
        else:
            limit = None if output["all"] else MAX_LISTED
            self.stdout.write("\n".join(map(escaping.log_line, _report_lines(report, limit=limit, has_log=bool(log)))))
        if report.needs_action:
            sys.exit(NEEDS_ACTION)


def _read_lines(name: str) -> Iterator[str]:
    if name == "-":
        yield from sys.stdin
        return
    with open(name, encoding="utf-8", errors="replace") as file:
        yield from file


def _report_lines(report: Report, *, limit: int | None, has_log: bool) -> Iterable[str]:
    labels = columns.labels("contact")
    read = f"at {report.read_at:%Y-%m-%d %H:%M:%S} UTC" if report.read_at else "never; run this with --apply"
    yield f"CRM last read to its end: {read}."
    yield from _section("decided before a restore, recognized by the CRM's rows", report.recognized, limit, labels)
    if has_log:
        yield from _section("decided according to the log, but lost: decide again", report.lost, limit, labels)
    else:
        yield "Decisions lost before they were written: not known without --log."
    if report.differing is None:
        yield "Values that differ in the CRM: not compared."
    else:
        yield from _section("recognized, but the CRM now holds another value", report.differing, limit, labels)
    yield from _section("written according to the portal, but open in the CRM", report.unmarked, limit, labels)
    yield from _section("open deliveries; each reads the CRM before it writes", report.deliveries, limit, labels)
    yield f"{report.failed:,} fields not written: see Review, Needs attention."
    yield from _section("open filter runs; check each on its page", report.runs, limit, labels)
    yield f"{report.messages:,} mails waiting; some may have been sent before the restore."


Item = Decision | LostDecision | SyncField | Delivery | FilterRun


def _section(words: str, items: Sequence[Item], limit: int | None, labels: dict[str, str]) -> Iterable[str]:
    yield f"{len(items):,} {words}{':' if items else '.'}"
    for each in items[:limit]:
        yield f"  {_item_line(each, labels)}"
    if limit is not None and len(items) > limit:
        yield f"  and {len(items) - limit:,} more (--all)"


def _item_line(each: Item, labels: dict[str, str]) -> str:
    if isinstance(each, LostDecision):
        who = each.decider or "someone the database does not know"
        logged = each.logged
        return f"{_field_label(each.field, labels)}: {logged.outcome} by {who}, {logged.at:%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(each, Decision):
        who = f" by {each.decider}" if each.decider else ""
        return f"{_field_label(each.field, labels)}: {each.outcome}{who}, {each.decided_at:%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(each, SyncField):
        return f"{_field_label(each, labels)}: {each.decision}"
    if isinstance(each, Delivery):
        return f"{each.target_table} {each.target_id}: {each.state}, attempt {each.attempts}"
    return f"{each}: {each.get_state_display().lower()}, {each.words}"


def _field_label(field: SyncField, labels: dict[str, str]) -> str:
    name = field.record.name or "a contact without a name"
    return f"{name}, {labels.get(field.column_name, field.column_name)} (edit {field.record_id})"


def _to_json(report: Report) -> dict[str, Any]:
    differing = report.differing
    return {
        "needs_someone": report.needs_action,
        "read_at": report.read_at,
        "recognized": [_decision_data(each) for each in report.recognized],
        "lost": [
            _field_data(each.field)
            | {"decision": each.logged.id, "kind": each.logged.kind, "outcome": each.logged.outcome}
            | {"by": each.decider, "at": each.logged.at}
            for each in report.lost
        ],
        "differing": None if differing is None else [_decision_data(each) for each in differing],
        "unmarked": [_field_data(each) for each in report.unmarked],
        "deliveries": [
            {"id": each.pk, "contact": each.target_id, "state": each.state, "attempts": each.attempts}
            for each in report.deliveries
        ],
        "failed": report.failed,
        "runs": [{"id": each.pk, "number": each.number, "state": each.state} for each in report.runs],
        "messages": report.messages,
    }


def _field_data(field: SyncField) -> dict[str, Any]:
    return {"field": field.pk, "edit": field.record_id, "contact": field.record.name, "column": field.column_name}


def _decision_data(each: Decision) -> dict[str, Any]:
    decision = {"decision": each.pk, "kind": each.kind, "outcome": each.outcome, "by": each.decider}
    return {**_field_data(each.field), **decision, "at": each.decided_at}
