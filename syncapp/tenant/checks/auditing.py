"""Checks of auditing: its settings, how long entries are kept, and how long a change takes to appear in the log."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from syncapp.capture.columns import OUTLOOK_COLUMNS
from syncapp.crm.audits.records import KEPT_FOREVER
from syncapp.tenant.checks.context import Context
from syncapp.tenant.checks.findings import CAPTURE, Answer, Check, Level, not_asked, ok
from syncapp.tenant.checks.pager import pager_probe
from syncapp.tenant.checks.words import abbreviated, seconds

GROUP = "Change tracking and auditing"
_MIN_DAYS = 7
POLL_SECONDS = 1.0
# The measurement ends after _MAX_CHANGES, or once `patience` is over and _MIN_CHANGES have been measured.
_MAX_CHANGES, _MIN_CHANGES = 20, 3
# Entries and rows have times in whole seconds, which may be rounded differently.
_TOLERANCE = timedelta(seconds=2)
_ON = ("Power Platform admin center", "Environments", "Settings", "Audit and logs", "Audit settings")
_TABLE = ("Power Apps", "Tables", "Contact", "Properties", "Audit changes to its data")
_COLUMN = ("Power Apps", "Tables", "Contact", "Columns", "Advanced options", "Enable auditing")
_NEEDED = "Edits cannot be captured from the audit log. Staging by the CRM’s own plug-in does not need it."


def organization(context: Context) -> Answer:
    """Check whether auditing is on for the organization."""
    if context.crm.audits.settings().is_on:
        return ok("on", "The organization keeps an audit log.")
    remedy = "Turn auditing on, if edits are to be captured from the audit log:"
    return Answer(Level.WARNING, "off", _NEEDED, remedy, path=_ON)


def days_kept(context: Context) -> Answer:
    """Read how long entries are kept."""
    days = context.crm.audits.settings().days_kept
    if days is None:
        return not_asked("the CRM does not say", "How long entries are kept is not known here.", tried="")
    if days == KEPT_FOREVER:
        return ok("forever", "After a pause, all edits can still be found.")
    meaning = f"After a pause, edits of the last {days} days can still be found."
    if days < _MIN_DAYS:
        return Answer(Level.WARNING, f"{days} days", meaning, f"Keep entries for at least {_MIN_DAYS} days:", path=_ON)
    return ok(f"{days} days", meaning)


def contact(context: Context) -> Answer:
    """Check whether changes to contacts are audited."""
    switch = context.table("contact").auditing
    if switch.is_on:
        return ok("on", "Changes to contacts are in the audit log.")
    remedy = (
        "Turn it on, if edits are to be captured from the audit log:"
        if switch.may_change
        else ("A managed solution locks this setting; only its publisher can change it.")
    )
    return Answer(Level.WARNING, "off", _NEEDED, remedy, path=_TABLE if switch.may_change else ())


def columns(context: Context) -> Answer:
    """Read which synchronized columns of the contact are audited."""
    switches = context.crm.metadata.auditing("contact")
    present = [name for name in OUTLOOK_COLUMNS if name in switches]
    off = [name for name in present if not switches[name].is_on]
    if not off:
        return ok(f"{len(present)} of {len(present)} on", "Edits to every synchronized column are in the audit log.")
    fixed = [name for name in off if not switches[name].may_change]
    answer = f"{len(present) - len(off)} of {len(present)} on, off: {abbreviated(off)}"
    meaning = "Edits to these columns are not in the audit log, so they cannot be captured."
    remedy = (
        f"Turn auditing on for them; locked by a managed solution: {abbreviated(fixed)}."
        if fixed
        else "Turn auditing on for them:"
    )
    return Answer(Level.WARNING, answer, meaning, remedy, path=_COLUMN, items=tuple(off))


def delay(context: Context) -> Answer:
    """Find out how long a change takes to appear in the audit log; with a test contact, measure it."""
    if context.probes_writes and context.contact_id is not None:
        return _measured_delay(context, context.contact_id)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    recent = {
        each.contact_id: each.modified_on
        for each in context.latest_changes()
        if each.is_update and each.modified_on and each.modified_on > yesterday
    }
    if not recent:
        meaning = "No contact was changed in the last day, so there is no entry to look for."
        return not_asked("no change to look for", meaning, _MEASURE, tried="Looked for changes of the last day")
    since = min(recent.values()) - _TOLERANCE
    entries = context.crm.audits.entries("contact", since=since, rows=list(recent)).rows
    logged = {(entry.row_id, entry.created_on) for entry in entries if entry.created_on}
    found = {
        row
        for row, moment in recent.items()
        if any(row == logged_row and on >= moment - _TOLERANCE for logged_row, on in logged)
    }
    return _delay_answer(recent, found)


def _delay_answer(recent: Mapping[UUID, datetime], found: set[UUID]) -> Answer:
    def ages(rows: Iterable[UUID]) -> list[float]:
        return sorted((datetime.now(UTC) - recent[row]).total_seconds() for row in rows)

    answer = f"{len(found)} of the last {len(recent)} changes are in the log"
    if not found:
        meaning = "Either entries take longer than that to appear, or auditing is off."
        return Answer(Level.WARNING, answer, meaning, "See the auditing settings above.")
    meaning = f"A change was in the log after at most {seconds(ages(found)[0])}."
    if missing := set(recent) - found:
        answer += f"; one that is {seconds(ages(missing)[-1])} old is not"
        return Answer(Level.WARNING, answer, meaning, _MEASURE)
    return Answer(Level.OK, answer, meaning, _MEASURE)


_MEASURE = "Name a test contact to measure it: the portal changes its pager and puts the old value back."


def _measured_delay(context: Context, contact_id: UUID) -> Answer:
    if not context.crm.writes_are_allowed():
        meaning = "The portal writes nothing while the connection is read-only."
        return not_asked("not tried: the connection is read-only", meaning, "Enable writing in Settings, Connection.")
    tried = "Changed the pager of a test contact and waited for the entries"
    waits: list[float] = []
    started = time.monotonic()
    with pager_probe(context.crm, context.names, contact_id) as probe:
        while len(waits) < _MAX_CHANGES and (
            len(waits) < _MIN_CHANGES or time.monotonic() - started < context.patience
        ):
            known = _entry_ids(context, contact_id)
            probe.change()
            wait = _wait_for_entry(context, contact_id, known)
            if wait is None:
                answer = f"no entry after {seconds(context.patience)}"
                meaning = "A value from Outlook stays in the CRM for longer than this, or auditing is off."
                return Answer(Level.WARNING, answer, meaning, "See the auditing settings above.", tried)
            waits.append(wait)
    answer = f"median {seconds(statistics.median(waits))}, longest {seconds(max(waits))} of {len(waits)} changes"
    return ok(
        answer, "A value from Outlook stays in the CRM for about this long before it can be restored.", tried=tried
    )


def _entry_ids(context: Context, contact_id: UUID) -> set[UUID]:
    since = datetime.now(UTC) - timedelta(minutes=10)
    return {entry.id for entry in context.crm.audits.entries("contact", since=since, rows=[contact_id]).rows}


def _wait_for_entry(context: Context, contact_id: UUID, known: set[UUID]) -> float | None:
    """Return the seconds until a new entry appears; None if it takes too long."""
    started = time.monotonic()
    while time.monotonic() - started < context.patience:
        if _entry_ids(context, contact_id) - known:
            return time.monotonic() - started
        time.sleep(POLL_SECONDS)
    return None


CHECKS = (
    Check("auditing.organization", "Auditing", GROUP, "Read the organization’s settings", organization, (CAPTURE,)),
    Check(
        "auditing.days", "Days kept in the audit log", GROUP, "Read the organization’s settings", days_kept, (CAPTURE,)
    ),
    Check("auditing.contact", "Auditing of contacts", GROUP, "Read the settings of contact", contact, (CAPTURE,)),
    Check("auditing.columns", "Audited columns", GROUP, "Read IsAuditEnabled of each column", columns, (CAPTURE,)),
    Check(
        "auditing.delay",
        "Delay of the audit log",
        GROUP,
        "Looked for the entries of the last changes",
        delay,
        (CAPTURE,),
    ),
)
