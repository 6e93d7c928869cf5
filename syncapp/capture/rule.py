"""The original rule, "what does not raise the revision came from Outlook": one person asks, another confirms.

It reverts the changes by every program that is not listed, so it needs days of observing and a second person.
Returning to the signed rule takes effect immediately. Sources that only the original rule reviews are switched on
later, one by one, so the rule affects only later entries.
"""

from __future__ import annotations

from django.db.models.functions import Now

from syncapp.capture.brakes import RUNNING
from syncapp.capture.errors import SwitchRefused
from syncapp.capture.switching import CAPTURE_IS_OFF, locked_capture, record
from syncapp.connection import clients
from syncapp.models import Capture, CaptureSource, Person
from syncapp.models.capture.entry import Source
from syncapp.models.capture.settings import CaptureMode, CaptureRule
from syncapp.models.folding import by_name
from syncapp.models.locking import retried
from syncapp.models.outbox import MessageKind
from syncapp.models.person import ROLE_COLUMNS, Role
from syncapp.outbox import messages

DAYS_OF_OBSERVING = 7
_MAX_RECIPIENTS = 20


def obstacle() -> str:
    """Return why the original rule cannot be requested, and what to do; '' if it can."""
    capture = Capture.objects.filter(slot=1).annotate(now=Now()).first()
    if capture is None or capture.mode == CaptureMode.OFF:
        return CAPTURE_IS_OFF
    if capture.rule == CaptureRule.ORIGINAL:
        return "The original rule already applies."
    if capture.rule_waits:
        return "The original rule is already waiting for a second person."
    revision = clients.names().contact_revision
    if not revision:
        return "The original rule needs a revision column of the contact. Name it in CRM_NAMES."
    if revision not in capture.audited_since:
        return f"The original rule needs to see when {revision} changes. Turn on auditing of this column in the CRM."
    days = (capture.now - capture.observing_since).days if capture.observing_since else 0
    if days < DAYS_OF_OBSERVING:
        return f"The original rule needs {DAYS_OF_OBSERVING} days of observing; so far there are {days}."
    return ""


@retried
def request_rule(rule: CaptureRule, *, by: Person) -> None:
    """Switch to a rule. The signed rule applies immediately; the original rule is only requested.

    Another administrator must confirm the request, and up to 20 are notified by mail. Raises SwitchRefused.
    """
    capture = locked_capture()
    if rule == CaptureRule.SIGNED:
        _return_to_signed(capture, by=by)
        return
    if refusal := obstacle():
        raise SwitchRefused(refusal)
    requested = {"rule_asked_by": by, "rule_asked_at": Now(), "rule_confirmed_by": None}
    Capture.objects.filter(slot=1, rule=CaptureRule.SIGNED).update(**requested)
    record("rule_asked", by=by)
    administrators = Person.objects.filter(is_active=True, **{ROLE_COLUMNS[Role.ADMINISTRATOR]: True})
    for person in by_name(administrators.exclude(pk=by.pk))[:_MAX_RECIPIENTS]:
        messages.queue(MessageKind.RUN, to=person, details={"rule": CaptureRule.ORIGINAL, "news": "waits"})


@retried
def confirm(*, by: Person) -> None:
    """Confirm the original rule as the second person; it applies from now on. Raises SwitchRefused."""
    capture = locked_capture()
    _require_waiting(capture)
    if capture.rule_asked_by_id == by.pk:
        raise SwitchRefused("Someone other than the person who asked for the original rule has to confirm it.")
    waiting = Capture.objects.filter(slot=1, rule=CaptureRule.SIGNED, rule_asked_by=capture.rule_asked_by)
    waiting.update(rule=CaptureRule.ORIGINAL, rule_confirmed_by=by)
    record("rule_confirmed", by=by)


@retried
def withdraw(*, by: Person) -> None:
    """Withdraw or decline the request for the original rule. Raises SwitchRefused."""
    _require_waiting(locked_capture())
    Capture.objects.filter(slot=1, rule=CaptureRule.SIGNED).update(rule_asked_by=None, rule_asked_at=None)
    record("rule_withdrawn", by=by)


def _return_to_signed(capture: Capture, *, by: Person) -> None:
    if capture.rule == CaptureRule.SIGNED and not capture.rule_waits:
        raise SwitchRefused("The signed rule already applies.")
    signed = {"rule_asked_by": None, "rule_asked_at": None, "rule_confirmed_by": None}
    Capture.objects.filter(slot=1).update(rule=CaptureRule.SIGNED, **signed)
    others = CaptureSource.objects.filter(is_on=True).exclude(pk=Source.OUTLOOK)
    others.update(is_on=False, switched_by=by)
    if not CaptureSource.objects.filter(is_on=True).exists():
        running = Capture.objects.filter(slot=1, mode__in=RUNNING)
        running.update(mode=CaptureMode.OBSERVING, mode_since=Now(), mode_by=by)
    record("rule_signed", by=by)


def _require_waiting(capture: Capture) -> None:
    if not capture.rule_waits:
        raise SwitchRefused("The original rule is no longer waiting for confirmation. Reload the page.")
