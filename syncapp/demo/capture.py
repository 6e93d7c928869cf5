"""The demo without the plug-in: the sandbox audits contacts and signs what Outlook saves, and the portal captures."""

from __future__ import annotations

import time

from django.conf import settings

from syncapp.capture import reading, signature, switching
from syncapp.capture.errors import SwitchRefused
from syncapp.capture.rhythm import AUDIT
from syncapp.connection import clients
from syncapp.crm import sandbox
from syncapp.models import Capture, CaptureIdentity, CaptureSource, Person
from syncapp.models.capture.entry import Evidence, Source
from syncapp.models.capture.settings import CaptureMode

_MAX_WAIT, _RETRY_PAUSE = 20.0, 0.5  # seconds
_AUDIT_RESOLUTION = 1.0  # seconds


def set_up() -> None:
    """Set up the sandbox and capture as CAPTURE says, if they are not yet. Raises CrmError, SwitchRefused.

    With CAPTURE=audit, every later edit is restored immediately, without the days of observation that a company needs.
    A demo that used capture before gets its plug-in back.
    """
    is_captured = Capture.objects.exclude(mode=CaptureMode.OFF).exists()
    if settings.CAPTURE == AUDIT:
        sandbox.capture_by_audit(settings.CRM_ORIGIN)
        if not CaptureSource.objects.filter(is_on=True).exists():
            _restore_from_now_on()
    elif is_captured:
        sandbox.capture_by_plugin(settings.CRM_ORIGIN)
        switching.end_capture(by=_administrator())


def _restore_from_now_on() -> None:
    """Read the whole audit log once, then switch on restoring."""
    until = time.monotonic() + _MAX_WAIT
    while not reading.read(clients.verified_client(), names=clients.names(), seconds=_MAX_WAIT).finished:
        if time.monotonic() > until:
            raise SwitchRefused("The sandbox’s audit log could not be read.")
        time.sleep(_RETRY_PAUSE)  # another process is reading
    by = _administrator()
    for identity in CaptureIdentity.objects.filter(kind=CaptureIdentity.Kind.SYNCHRONIZATION):
        # The sandbox has just been told to sign, so no edit in Outlook is needed as proof.
        signature.store(identity.pk, by=by, evidence=Evidence.CALLING_USER)
    if Capture.objects.filter(mode=CaptureMode.PAUSED).exists():
        switching.resume(by=by)
    switching.switch_on(Source.OUTLOOK, by=by, pilot_team_id=None)
    # Audit entries have times in whole seconds. An edit in this second would count as made before the switch.
    time.sleep(_AUDIT_RESOLUTION)


def _administrator() -> Person:
    return Person.objects.filter(is_administrator=True, is_active=True).earliest("name")
