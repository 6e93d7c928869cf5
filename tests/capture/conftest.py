"""A company whose CRM audits contacts, and a portal that reads its audit log step by step."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db.models import F
from pytest_django import Settings

from dataverse_sandbox.server import SandboxServer
from syncapp.capture import reading
from syncapp.capture.rounds import ReadResult
from syncapp.connection import clients
from syncapp.models import Capture, CaptureContact, CaptureEntry, CaptureGap, CaptureJob, CaptureSource, MirrorCursor
from syncapp.models.capture.entry import Source
from syncapp.models.capture.settings import CaptureMode
from tests.capture.put_back_scene import Restored
from tests.support.world import World


class Company(World):
    """A CRM without a plug-in, with auditing on and a synchronization that signs."""

    def begin(self, **counts: Any) -> None:
        """Reset the CRM, and begin to observe it."""
        self.reset(**counts)
        self.switch_plugin(enabled=False)
        self.sign("signed")
        self.audit(enabled=True, delay_seconds=0, jitter_seconds=0, days_kept=30, invalid_new_values=[])
        self.read()
        self.backdate()

    def switch_plugin(self, *, enabled: bool) -> None:
        self._session.put(f"{self.url}/sandbox/plugin", json={"enabled": enabled}).raise_for_status()

    def sign(self, how: str) -> None:
        """Choose how the synchronization signs: signed, unsigned or add-in."""
        self._session.put(f"{self.url}/sandbox/synchronization", json={"signature": how}).raise_for_status()

    def outlook_by(self, user: str, contact: UUID, **columns: Any) -> None:
        """Edit the contact in Outlook as a user."""
        self._post("outlook", {"user": user, "contact": str(contact), "changes": columns})

    def write(self, writer: str, contact: UUID, **columns: Any) -> None:
        """Change a contact as erp, flow, form or form_without_script."""
        self._post("write", {"writer": writer, "contact": str(contact), "changes": columns})

    def import_all(self, **columns: Any) -> None:
        """Change all contacts as an import does."""
        self._post("import", {"changes": columns})

    def delete_audits(self, before: str) -> None:
        """Delete audit entries before a moment."""
        self._session.delete(f"{self.url}/sandbox/auditing", params={"before": before}).raise_for_status()

    def patch(self, contact: UUID, **columns: Any) -> None:
        """Change a contact as the portal's own user."""
        self._as_the_company("PATCH", f"contacts({contact})", columns)

    def read(self, **options: Any) -> ReadResult:
        """Read the audit log once."""
        return reading.read(clients.verified_client(), names=clients.names(), **options)

    def switch_on(self, source: Source = Source.OUTLOOK, **columns: Any) -> None:
        """Have later edits of a source staged and restored."""
        since = Capture.objects.get().observing_since
        Capture.objects.update(mode=CaptureMode.RESTORING)
        CaptureSource.objects.update_or_create(source=source, defaults={"is_on": True, "since": since, **columns})

    def backdate(self, seconds: float = 60) -> None:
        """Move the portal's stored times into the past, so that later changes are later by whole seconds."""
        back = timedelta(seconds=seconds)
        columns = ("observing_since", "listed_at", "deep_listed_at", "switches_read_at", "listing_since", "read_until")
        Capture.objects.update(**{name: F(name) - back for name in columns})
        capture = Capture.objects.get()
        if capture.observing_since is not None:
            capture.audited_since = dict.fromkeys(capture.audited_since, capture.observing_since.isoformat())
            capture.save(update_fields=["audited_since"])

    def stop_waiting(self) -> None:
        """Let the time pass for which the portal waits for entries."""
        back = timedelta(minutes=10)
        CaptureContact.objects.update(noticed_at=F("noticed_at") - back, awaited_until=F("awaited_until") - back)

    def silent_for(self, **duration: float) -> None:
        """Set the last round to this long ago."""
        back = timedelta(**duration)
        MirrorCursor.objects.update(pulled_at=F("pulled_at") - back)


@pytest.fixture
def company(sandbox: SandboxServer, settings: Settings, db: None) -> Iterator[Company]:
    """Return a company that has been observed for a minute."""
    settings.CAPTURE, settings.CAPTURE_COLUMNS = "audit", ["*"]
    story = Company(sandbox.url)
    story.begin()
    yield story
    story.heal()
    story.audit(enabled=False, delay_seconds=0, jitter_seconds=0)
    story.sign("unsigned")
    story.switch_plugin(enabled=True)


@pytest.fixture
def restoring(company: Company, settings: Settings) -> Company:
    """Return a company whose Outlook edits are restored."""
    settings.UNDO_SECONDS = 0
    company.switch_on()
    company.begin_ledger()
    Capture.objects.update(mode_since=F("observing_since"))
    return company


@pytest.fixture
def restored(world: World) -> Restored:
    """Return a contact whose restored edit waits for a reviewer."""
    return Restored(world)


def entries(contact: UUID) -> list[CaptureEntry]:
    """Return the stored entries of a contact, oldest first."""
    return list(CaptureEntry.objects.filter(contact_id=contact).in_order())


def jobs() -> set[UUID]:
    """Return the contacts that have a job."""
    return set(CaptureJob.objects.values_list("contact_id", flat=True))


def gaps() -> list[tuple[str, bool]]:
    """Return the reason of each gap, and whether it is still open."""
    return [(gap.reason, gap.ends_at is None) for gap in CaptureGap.objects.order_by("pk")]
