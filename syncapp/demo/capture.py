"""The demo without the plug-in: the sandbox audits contacts and signs what Outlook saves, and the portal captures."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from syncapp.capture.rhythm import AUDIT
from syncapp.crm import sandbox
from syncapp.models import Capture, CaptureSource
from syncapp.models.capture.entry import Source
from syncapp.models.capture.settings import CaptureMode


def set_up() -> None:
    """Switch the sandbox and capture as the setting CAPTURE says, unless they are. Raises CrmError.

    With CAPTURE=audit everything later than now is restored at once, without the days of observing that a company
    needs. A demo that was captured before gets its plug-in back.
    """
    is_wanted = settings.CAPTURE == AUDIT
    capture = Capture.objects.filter(slot=1).first()
    was_on = capture is not None and capture.mode != CaptureMode.OFF
    if is_wanted:
        sandbox.capture_by_audit(settings.CRM_ORIGIN)
    elif was_on:
        sandbox.capture_by_plugin(settings.CRM_ORIGIN)
    if is_wanted and not CaptureSource.objects.filter(is_on=True).exists():
        _restore_from_now_on()
    elif was_on and not is_wanted:
        Capture.objects.update(mode=CaptureMode.OFF, mode_since=Now())
        CaptureSource.objects.update(is_on=False)


@transaction.atomic
def _restore_from_now_on() -> None:
    now = {"mode": CaptureMode.RESTORING, "mode_since": Now(), "observing_since": Now(), "signature_seen_at": Now()}
    Capture.objects.update_or_create(slot=1, defaults=now)
    CaptureSource.objects.update_or_create(source=Source.OUTLOOK, defaults={"is_on": True, "since": Now()})
