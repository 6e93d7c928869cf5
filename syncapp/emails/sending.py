"""The place where a mail leaves: claim ─▶ write ─▶ mark sent ─▶ hand over ─▶ settle.

A mail cannot be read back. One whose outcome is unknown is therefore sent once more and says so; after that it is shown
as failed rather than sent a third time.
"""

from __future__ import annotations

import logging
import time
import uuid
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import F

from syncapp import durable, gates
from syncapp.durable import Claim, LostLease, failpoint
from syncapp.emails import content, writing
from syncapp.gates import Passage
from syncapp.models import Gate, Message
from syncapp.outbox.errors import MailError, MailRefused, OutcomeUnknown, Postponed, ServiceAway, ServiceRefused
from syncapp.outbox.post import Post

log = logging.getLogger(__name__)

MOST_SENDS = 2
UNKNOWN_PAUSE = 30.0
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 1800.0
NOTHING_TO_SAY = "nothing to say"


@dataclass(frozen=True, slots=True)
class _Round:
    """One claimed message, and how often it may have been delivered before."""

    claim: Claim
    message: Message
    before: int

    @property
    def is_again(self) -> bool:
        return self.claim.outcome_unknown and self.before > 0


def send_due(message_id: uuid.UUID, *, post: Post, seconds: float) -> int:
    """Send this message, then others that are due, beginning none after `seconds`; how many were taken on."""
    until, taken = time.monotonic() + seconds, 0
    next_id: uuid.UUID | None = message_id
    while next_id is not None and send(next_id, post=post):
        taken += 1
        next_id = Message.objects.all().due().order_by("due_at").values_list("pk", flat=True).first()
        if time.monotonic() >= until:
            break
    return taken


def send(message_id: uuid.UUID, *, post: Post) -> bool:
    """Send one message; False where there was nothing to claim. What went wrong is in the row, never raised."""
    if not Message.objects.filter(pk=message_id).due().exists():
        return False
    passage = gates.pass_through((Gate.Name.SMTP,))
    if passage is None:
        return False
    claim = durable.claim(Message, message_id)
    if claim is None:
        gates.give_back(passage)
        return False
    failpoint("message.claimed")
    try:
        _work(claim, passage, post)
    except LostLease:
        log.warning("message %s: lease lost, stopped", message_id)
    return True


def _work(claim: Claim, passage: Passage, post: Post) -> None:
    message = Message.objects.select_related("recipient", "record").get(pk=claim.pk)
    work = _Round(claim, message, message.sends)
    if work.is_again and work.before >= MOST_SENDS:
        durable.give_up(claim, error="outcome unknown twice")
    elif claim.attempts > settings.ATTEMPTS:
        durable.give_up(claim, error="crashed")
    else:
        _write_and_send(work, passage, post)


def _write_and_send(work: _Round, passage: Passage, post: Post) -> None:
    letter = content.letter(work.message)
    if letter is None:
        gates.give_back(passage)
        _drop(work)
        return
    mail = writing.write(work.message, letter, again=work.is_again)
    try:
        post.send(mail, sender=writing.sender().addr_spec, to=letter.to, before=lambda: _mark(work))
    except MailError as error:
        _after_error(work, error)
        return
    failpoint("message.answered")
    durable.settle(work.claim)
    gates.reopen(Gate.Name.SMTP)


@transaction.atomic
def _drop(work: _Round) -> None:
    """There is nothing left to say, which is an end like any other."""
    durable.settle(work.claim)
    Message.objects.filter(pk=work.message.pk).update(last_error=NOTHING_TO_SAY)


def _mark(work: _Round) -> None:
    """From here on the mail may be delivered, whatever becomes of this process."""
    with transaction.atomic():
        durable.mark_sent(work.claim)
        Message.objects.filter(pk=work.message.pk).update(sends=F("sends") + 1)
    failpoint("message.sent")


def _after_error(work: _Round, error: MailError) -> None:
    log.warning("message %s: %s %s", work.message.pk, type(error).__name__, error.code)
    if isinstance(error, OutcomeUnknown):
        _after_silence(work, error)
        return
    with transaction.atomic():
        durable.lock(work.claim)
        Message.objects.filter(pk=work.message.pk).update(sends=work.before)
        _after_refusal(work, error)


def _after_silence(work: _Round, error: OutcomeUnknown) -> None:
    if work.before + 1 >= MOST_SENDS:
        durable.give_up(work.claim, error="outcome unknown twice")
    else:
        durable.hand_back(work.claim, due_in=UNKNOWN_PAUSE, error=error.code, unknown=True)


def _after_refusal(work: _Round, error: MailError) -> None:
    """The mail has not left. Trouble of the service closes the gate and costs no attempt."""
    unknown = work.is_again
    if isinstance(error, ServiceAway | ServiceRefused):
        probe_in = error.retry_after or (5.0 if isinstance(error, ServiceAway) else settings.PROBE_SECONDS)
        gates.close(Gate.Name.SMTP, reason=str(error), probe_in=min(probe_in, 600.0))
        durable.hand_back(work.claim, due_in=0, error=error.code, unknown=unknown, free=True)
        return
    gates.reopen(Gate.Name.SMTP)
    if isinstance(error, MailRefused) or work.claim.attempts >= settings.ATTEMPTS:
        durable.give_up(work.claim, error=error.code)
    elif isinstance(error, Postponed):
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (work.claim.attempts - 1))
        durable.hand_back(work.claim, due_in=pause, error=error.code, unknown=unknown)
