"""Current troubles; a cause hides its symptoms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncapp.checks import installation
from syncapp.crm.errors import TokenUnavailable
from syncapp.health import capture_kinds, clocks, kinds
from syncapp.health.kind import Kind
from syncapp.health.observations import SILENT_SECONDS, Observations, count_unreadable_rows, unreadable_since
from syncapp.models import Breaker
from syncapp.models.capture.settings import CaptureMode


@dataclass(frozen=True, slots=True)
class Trouble:
    """A trouble that was found. `sentence` replaces the title of its kind if that says too little.

    `instance` distinguishes several of one kind, such as two job types that are behind. `asked` is the request that the
    CRM refused. `detail` is for administrators, since it may quote the CRM.
    """

    kind: Kind
    sentence: str = ""
    instance: str = ""
    since: datetime | None = None
    by: str = ""
    asked: str = ""
    detail: str = ""

    @property
    def code(self) -> str:
        """Return the stable identifier for alerts and monitors."""
        return f"{self.kind.code}-{self.instance}" if self.instance else str(self.kind.code)

    @property
    def text(self) -> str:
        """Return the sentence that names the trouble."""
        return self.sentence or self.kind.title


def troubles(observed: Observations | None = None) -> list[Trouble]:
    """Return the troubles for the banner, the most serious first, except those that are symptoms of others."""
    observed = observed or Observations()
    found = list(_find(observed))
    hidden = frozenset[str]().union(*(trouble.kind.hides for trouble in found))
    return [trouble for trouble in found if not hidden.intersection((trouble.kind.code, trouble.code))]


def _find(observed: Observations) -> Iterator[Trouble]:
    """Find all troubles, causes and symptoms, in the order of KINDS."""
    if installation.lacks_migrations():
        yield Trouble(kinds.MIGRATIONS)
    # The worker's last answer came through Redis, so it is the last proof that Redis worked.
    if not observed.redis_answers:
        yield Trouble(kinds.REDIS, since=observed.heartbeats.worker_answered_at)
    # Before the first heartbeat (a new installation, an upgrade) the scheduler's state is unknown.
    beat_at = observed.heartbeats.beat_at
    if beat_at is not None and observed.is_older(beat_at, SILENT_SECONDS):
        yield Trouble(kinds.BEAT, since=beat_at)
    # While the portal or Redis was down, no worker could answer, so silence counts from the first message afterwards.
    moments = (observed.heartbeats.worker_answered_at, observed.heartbeats.published_since)
    silent_since = max(filter(None, moments), default=None)
    if observed.is_older(silent_since, SILENT_SECONDS):
        yield Trouble(kinds.WORKER, since=silent_since)
    for breaker in observed.open_breakers:
        # A missing token makes the CRM unreachable, but the fault is the sign-in service's.
        is_token = breaker.name == Breaker.Name.CRM_UNREACHABLE and breaker.reason == TokenUnavailable.__name__
        kind = kinds.TOKENS if is_token else kinds.kind_of_breaker(breaker.name)
        by = breaker.opened_by.name if breaker.opened_by else ""
        detail = ": ".join(filter(None, (breaker.asked, breaker.reason)))
        yield Trouble(kind, since=breaker.opened_at, by=by, asked=breaker.asked, detail=detail)
    yield from _find_stalled_pull(observed)
    if problem := observed.inventory_problem:
        yield Trouble(kinds.INVENTORY, f"{kinds.INVENTORY.title.removesuffix('.')}: {problem}")
    yield from find_capture_troubles(observed)
    if observed.connection is not None and not observed.connection.review_writes:
        yield Trouble(kinds.READ_ONLY, since=observed.connection.first_contact_at)
    for late in observed.overdue_jobs:
        minutes = max(1, int(late.age // 60))
        yield Trouble(
            kinds.OVERDUE,
            f"{late.job_type.title} is behind: the oldest job has been due for {minutes} min.",
            instance=late.job_type.name,
            since=observed.now - timedelta(seconds=late.age - late.job_type.overdue_after),
        )
    for clock in clocks.wrong_clocks()[:1]:  # the worst one
        yield Trouble(
            kinds.CLOCKS, f"The clock of {clock.get_role_display()} is {clock.difference}.", detail=clock.host
        )


def _find_stalled_pull(observed: Observations) -> Iterator[Trouble]:
    pulled_at = observed.pulled_at
    silent_since = max(filter(None, (pulled_at, observed.heartbeats.published_since)), default=None)
    if pulled_at is not None and not observed.is_older(silent_since, observed.stalled_after):
        return
    read_at = max((each.moved_at for each in observed.cursors if each.is_full_read and each.moved_at), default=None)
    if cause := next((cursor.trouble for cursor in observed.cursors if cursor.trouble), ""):
        yield Trouble(kinds.PULL, f"{kinds.PULL.title.removesuffix('.')}: {cause}", since=pulled_at)
    elif not observed.is_older(read_at, observed.stalled_after):  # a full read makes progress
        yield Trouble(kinds.READING if pulled_at else kinds.FIRST_READING)
    elif pulled_at is None:
        yield Trouble(kinds.PULL, "The CRM has not been read yet.")
    else:
        yield Trouble(kinds.PULL, since=pulled_at)


def find_capture_troubles(observed: Observations) -> Iterator[Trouble]:
    """Yield the troubles of capture: a stalled audit log, an automatic pause, gaps, and edits that were not staged."""
    audit_log = observed.audit_log
    if audit_log is None:
        return
    silent_since = max(filter(None, (audit_log.read_at, observed.heartbeats.published_since)), default=None)
    if observed.is_older(silent_since, observed.capture_stalled_after):
        cause = f"{capture_kinds.AUDIT_LOG.title.removesuffix('.')}: {audit_log.problem}" if audit_log.problem else ""
        yield Trouble(capture_kinds.AUDIT_LOG, cause, since=audit_log.read_at)
    capture = audit_log.capture
    if capture.mode == CaptureMode.PAUSED:
        yield Trouble(capture_kinds.CAPTURE_PAUSED, since=capture.mode_since, detail=capture.trouble)
    for gap in audit_log.gaps:
        begins, ends = (f"{time:%-d %B %Y %H:%M} UTC" if time else "now" for time in (gap.begins_at, gap.ends_at))
        text = f"The audit log has a gap from {begins} to {ends}: {gap.get_reason_display()}."
        yield Trouble(capture_kinds.CAPTURE_GAP, text, instance=str(gap.pk), since=gap.begins_at, detail=gap.detail)
    if audit_log.failed:
        edits = "An edit" if audit_log.failed == 1 else f"{audit_log.failed:,} edits"
        yield Trouble(capture_kinds.CAPTURE_FAILED, f"{edits} from Outlook could not be staged.")


def find_unreadable_rows() -> Trouble | None:
    """Return the trouble for the operators' alert; the banner omits it, because most readers cannot solve it."""
    found = count_unreadable_rows()
    if not found:
        return None
    rows = "1 row of the CRM cannot be read." if found == 1 else f"{found:,} rows of the CRM cannot be read."
    return Trouble(kinds.UNREADABLE, rows, since=unreadable_since())
