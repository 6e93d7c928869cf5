"""Sending of one mail: claim ─▶ write ─▶ mark sent ─▶ hand over ─▶ finish.

A mail cannot be read back. One whose outcome is unknown is therefore sent once more and says so; after that it is shown
as failed rather than sent a third time.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from syncapp import audit
from syncapp.jobs import breakers, queue, runner
from syncapp.jobs.breakers import Permit
from syncapp.jobs.queue import Lease, failpoint
from syncapp.jobs.runner import Failure, JobType, Retry
from syncapp.models import Breaker, Message, Person
from syncapp.models.jobs.job import JobState
from syncapp.notifications.channels.base import Channel
from syncapp.notifications.channels.errors import MailError, MailRefused, OutcomeUnknown, ServiceAway, ServiceRefused
from syncapp.notifications.content import letters
from syncapp.notifications.content.mail import LetterNotification

MOST_SENDS = 2
UNKNOWN_PAUSE = 30.0
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 1800.0
NOTHING_TO_SAY = "nothing to say"
UNKNOWN_TWICE = "outcome unknown twice"


@dataclass(frozen=True, slots=True)
class _Round:
    """One leased message, and how often it may have been delivered before."""

    lease: Lease
    message: Message
    before: int

    @property
    def is_again(self) -> bool:
        return self.lease.outcome_unknown and self.before > 0


def send_due(message_id: uuid.UUID, *, channel: Channel, seconds: float) -> int:
    """Send this message, then others that are due, beginning none after `seconds`; how many were taken on."""
    until, taken = time.monotonic() + seconds, 0
    next_id: uuid.UUID | None = message_id
    while next_id is not None and send(next_id, channel=channel):
        taken += 1
        next_id = Message.objects.all().due().order_by("due_at").values_list("pk", flat=True).first()
        if time.monotonic() >= until:
            break
    return taken


def send(message_id: uuid.UUID, *, channel: Channel) -> bool:
    """Send one message; False where there was nothing to claim. What went wrong is in the row, never raised."""
    return runner.run(MessageJob(channel), message_id)


@transaction.atomic
def retry(message_id: uuid.UUID, *, by: Person) -> bool:
    """Send a failed message again, at once; return whether it had failed. One that may have arrived says so."""
    message = Message.objects.select_for_update().filter(pk=message_id, state=JobState.FAILED).first()
    if message is None:
        return False
    message.state = JobState.VERIFY if message.outcome_unknown else JobState.READY
    message.sends = min(message.sends, MOST_SENDS - 1) if message.outcome_unknown else 0
    message.due_at, message.attempts = Now(), 0
    message.dispatched_at = message.finished_at = None
    message.last_error = message.failure = ""
    message.save()
    audit.record("mail.retried", by=by, channel="settings", details={"message": str(message.pk)})
    return True


def failed() -> QuerySet[Message]:
    """Return the mails that could not be sent, the latest first."""
    found = Message.objects.filter(state=JobState.FAILED).select_related("recipient", "record")
    return found.order_by("-finished_at")


@runner.register
class MessageJob(JobType):
    """Write one mail and hand it over; a failure is shown under Settings, Mails, with Retry."""

    name = "message"
    title = "Sending mails"
    failures_at = "Settings, Mails and backlog"
    model = Message
    breakers = (Breaker.Name.SMTP,)
    overdue_after = 120.0

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def process(self, lease: Lease, permit: Permit) -> None:
        """Write the mail as of now and hand it over. Raises MailError, LostLease."""
        message = Message.objects.select_related("recipient", "record").get(pk=lease.pk)
        work = _Round(lease, message, message.sends)
        if work.is_again and work.before >= MOST_SENDS:
            raise OutcomeUnknown("No answer came after the mail had left, twice.", code=UNKNOWN_TWICE)
        letter = letters.letter(message)
        if letter is None:
            breakers.release(permit)
            _drop(work)
            return
        notification = LetterNotification(message, letter, again=work.is_again)
        self._channel.send(notification, before=lambda: _mark(work))
        failpoint("message.answered")
        queue.finish(lease)
        breakers.reset(Breaker.Name.SMTP)

    def handle_error(self, error: Exception, lease: Lease) -> Retry | Failure | None:
        """Trouble of the service opens the breaker and costs no attempt; a refused mail fails at once."""
        if isinstance(error, OutcomeUnknown):
            return _after_silence(error, lease)
        if not isinstance(error, MailError):
            return None
        unknown = _take_back_mark(lease)
        if isinstance(error, ServiceAway | ServiceRefused):
            probe_in = error.retry_after or (5.0 if isinstance(error, ServiceAway) else settings.PROBE_SECONDS)
            breakers.trip(Breaker.Name.SMTP, reason=str(error), probe_in=min(probe_in, 600.0))
            return Retry(error.code, str(error), after=0, costs_attempt=False, outcome_unknown=unknown)
        breakers.reset(Breaker.Name.SMTP)
        if isinstance(error, MailRefused):
            return Failure(error.code, str(error))
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (lease.attempts - 1))
        return Retry(error.code, str(error), after=pause, outcome_unknown=unknown)

    def fail(self, lease: Lease, failure: Failure) -> None:
        """Keep the reason with the message. Raises LostLease."""
        queue.mark_failed(lease, error=failure.code)
        Message.objects.filter(pk=lease.pk).update(failure=failure.reason[:300])


@transaction.atomic
def _drop(work: _Round) -> None:
    """There is nothing left to say, which is an end like any other."""
    queue.finish(work.lease)
    Message.objects.filter(pk=work.message.pk).update(last_error=NOTHING_TO_SAY)


def _mark(work: _Round) -> None:
    """From here on the mail may be delivered, whatever becomes of this process."""
    with transaction.atomic():
        queue.mark_sent(work.lease)
        Message.objects.filter(pk=work.message.pk).update(sends=F("sends") + 1)
    failpoint("message.sent")


def _after_silence(error: OutcomeUnknown, lease: Lease) -> Retry | Failure:
    """Send it once more, and never a third time."""
    sends = Message.objects.values_list("sends", flat=True).get(pk=lease.pk)
    if sends >= MOST_SENDS:
        return Failure(UNKNOWN_TWICE, "No answer came after the mail had left, twice. It may have arrived.")
    return Retry(error.code, str(error), after=UNKNOWN_PAUSE, outcome_unknown=True)


@transaction.atomic
def _take_back_mark(lease: Lease) -> bool:
    """Forget a hand-over that was refused; return whether an earlier one may have been delivered."""
    queue.lock(lease)
    message = Message.objects.get(pk=lease.pk)
    if message.state == JobState.SENT:
        message.sends -= 1
        message.save(update_fields=["sends"])
    return lease.outcome_unknown and message.sends > 0
