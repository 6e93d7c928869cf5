"""The job that sends a mail: claim ─▶ write ─▶ mark sent ─▶ deliver ─▶ finish.

A mail whose outcome is unknown is sent once more, and says that it may be a second copy. If the outcome is unknown
again, the job fails rather than send a third mail.
"""

from __future__ import annotations

import time
import uuid

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
from syncapp.notifications.channels.errors import (
    MailError,
    MailRefused,
    OutcomeUnknown,
    ServiceRefused,
    ServiceUnavailable,
)
from syncapp.notifications.content import composition
from syncapp.notifications.content.mail import MailNotification

MAX_SENDS = 2
UNKNOWN_PAUSE = 30.0  # seconds, as for the other pauses
FIRST_PAUSE, MAX_PAUSE = 30.0, 1800.0
NOTHING_TO_SAY = "nothing to say"
UNKNOWN_TWICE = "outcome unknown twice"


def send_due(message_id: uuid.UUID, *, channel: Channel, seconds: float) -> int:
    """Send this message and others that are due, starting none after `seconds`; return how many were processed."""
    until, processed = time.monotonic() + seconds, 0
    next_id: uuid.UUID | None = message_id
    while next_id is not None and send(next_id, channel=channel):
        processed += 1
        next_id = Message.objects.all().due().order_by("due_at").values_list("pk", flat=True).first()
        if time.monotonic() >= until:
            break
    return processed


def send(message_id: uuid.UUID, *, channel: Channel) -> bool:
    """Send one message; return False if there was nothing to claim. Errors are stored in the row, never raised."""
    return runner.run(MessageJob(channel), message_id)


@transaction.atomic
def retry(message_id: uuid.UUID, *, by: Person) -> bool:
    """Make a failed message due again now; return whether it had failed.

    If an earlier copy may have arrived, the mail says that it may be a second copy.
    """
    message = Message.objects.select_for_update().filter(pk=message_id, state=JobState.FAILED).first()
    if message is None:
        return False
    message.state = JobState.VERIFY if message.outcome_unknown else JobState.READY
    message.sends = min(message.sends, MAX_SENDS - 1) if message.outcome_unknown else 0
    message.due_at, message.attempts = Now(), 0
    message.dispatched_at = message.finished_at = None
    message.last_error = message.failure = ""
    message.save()
    audit.record("mail.retried", by=by, channel="settings", details={"message": str(message.pk)})
    return True


def failed_messages() -> QuerySet[Message]:
    """Return the messages that could not be sent, the latest first."""
    found = Message.objects.filter(state=JobState.FAILED).select_related("recipient", "record")
    return found.order_by("-finished_at")


@runner.register
class MessageJob(JobType):
    """The job that writes and delivers a mail. The page “Mails and backlog” lists failed ones, with a Retry button."""

    name = "message"
    title = "Sending mails"
    failures_at = "Settings, Mails and backlog"
    model = Message
    breakers = (Breaker.Name.SMTP,)
    overdue_after = 120.0

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def process(self, lease: Lease, permit: Permit) -> None:
        """Write the mail from the current rows and deliver it. Raises MailError, LostLease."""
        message = Message.objects.select_related("recipient", "record").get(pk=lease.pk)
        is_repeated = lease.outcome_unknown and message.sends > 0
        if is_repeated and message.sends >= MAX_SENDS:
            raise OutcomeUnknown("The mail service did not confirm the mail, twice.", code=UNKNOWN_TWICE)
        content = composition.compose(message)
        if content is None:
            breakers.release(permit)
            with transaction.atomic():
                queue.finish(lease)
                Message.objects.filter(pk=lease.pk).update(last_error=NOTHING_TO_SAY)
            return
        notification = MailNotification(message, content, is_repeated=is_repeated)
        self._channel.send(notification, on_send=lambda: _mark_sent(lease))
        failpoint("message.answered")
        queue.finish(lease)
        breakers.reset(Breaker.Name.SMTP)

    def handle_error(self, error: Exception, lease: Lease) -> Retry | Failure | None:
        """Retry or fail, depending on the error; an error of the service trips the breaker and costs no attempt."""
        if isinstance(error, OutcomeUnknown):
            sends = Message.objects.values_list("sends", flat=True).get(pk=lease.pk)
            if sends >= MAX_SENDS:
                reason = "The mail service did not confirm the mail, twice. It may have arrived."
                return Failure(UNKNOWN_TWICE, reason)
            return Retry(error.code, str(error), after=UNKNOWN_PAUSE, outcome_unknown=True)
        if not isinstance(error, MailError):
            return None
        with transaction.atomic():  # this delivery was refused, so it does not count; an earlier one may have succeeded
            queue.lock(lease)
            message = Message.objects.get(pk=lease.pk)
            if message.state == JobState.SENT:
                message.sends -= 1
                message.save(update_fields=["sends"])
        unknown = lease.outcome_unknown and message.sends > 0
        if isinstance(error, ServiceUnavailable | ServiceRefused):
            probe_in = error.retry_after or (5.0 if isinstance(error, ServiceUnavailable) else settings.PROBE_SECONDS)
            breakers.trip(Breaker.Name.SMTP, reason=str(error), probe_in=min(probe_in, 600.0))
            return Retry(error.code, str(error), after=0, costs_attempt=False, outcome_unknown=unknown)
        breakers.reset(Breaker.Name.SMTP)
        if isinstance(error, MailRefused):
            return Failure(error.code, str(error))
        pause = min(MAX_PAUSE, FIRST_PAUSE * 2 ** (lease.attempts - 1))
        return Retry(error.code, str(error), after=pause, outcome_unknown=unknown)

    def fail(self, lease: Lease, failure: Failure) -> None:
        """Mark the message failed, with the reason. Raises LostLease."""
        queue.mark_failed(lease, error=failure.code)
        Message.objects.filter(pk=lease.pk).update(failure=failure.reason[:300])


def _mark_sent(lease: Lease) -> None:
    # From here on the mail may be delivered, even if this process dies.
    with transaction.atomic():
        queue.mark_sent(lease)
        Message.objects.filter(pk=lease.pk).update(sends=F("sends") + 1)
    failpoint("message.sent")
