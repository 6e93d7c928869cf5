"""The capture page: mode in words, brakes, sources, how long values were in the CRM, and reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from uuid import UUID

from django.conf import settings
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from syncapp.capture import brakes, columns, counts, observation, rule, switching
from syncapp.capture.history import MAX_RESTORES_OF_COLUMN
from syncapp.capture.observation import Changes, TimesInCrm
from syncapp.capture.rhythm import AUDIT
from syncapp.capture.staging import BREAKERS
from syncapp.connection import clients, usage
from syncapp.crm.audits.records import KEPT_FOREVER
from syncapp.health import Observations, Trouble, capture_kinds, kinds
from syncapp.health.troubles import find_capture_troubles
from syncapp.jobs import breakers
from syncapp.models import Capture, CaptureColumn, CaptureGap, CaptureSource, FilterTeam
from syncapp.models.capture.entry import Source
from syncapp.models.capture.settings import CaptureMode, CaptureRule
from syncapp.models.folding import search_key
from syncapp.text.localization import number
from syncapp.web.base import crm_links
from syncapp.web.settings import capture_words
from syncapp.web.settings.capture_sources import Naming, Section, SourceRow, section, source_row

MAX_SECTIONS, MAX_GAPS = 6, 5


@dataclass(frozen=True, slots=True)
class BrakeRow:
    """A brake: its figure, the figure as a percentage of the limit, and what the figure counts."""

    name: str
    figure: str
    percent: int
    hint: str


@dataclass(frozen=True, slots=True)
class LiveRow:
    """A range of durations; `length` is a percentage of the longest bar."""

    words: str
    number: int
    length: float


class CapturePresenter:
    """The values of the capture page; each query runs only if its value is used."""

    def __init__(self) -> None:
        found = Capture.objects.select_related("mode_by", "rule_asked_by", "rule_confirmed_by").annotate(now=Now())
        self.capture = found.filter(slot=1).first()

    @property
    def is_reading_enabled(self) -> bool:
        """Return whether the audit log is read, now or soon."""
        return self.is_configured and (self.capture is None or self.capture.mode != CaptureMode.OFF)

    @property
    def is_configured(self) -> bool:
        return bool(settings.CAPTURE == AUDIT)

    @property
    def mode(self) -> CaptureMode:
        return CaptureMode(self.capture.mode) if self.capture and self.is_configured else CaptureMode.OFF

    @property
    def is_paused(self) -> bool:
        return self.mode is CaptureMode.PAUSED

    @property
    def is_restoring(self) -> bool:
        return self.mode is CaptureMode.RESTORING

    @property
    def may_resume(self) -> bool:
        return self.mode in (CaptureMode.STAGING, CaptureMode.PAUSED)

    @cached_property
    def headline(self) -> str:
        """Return the most serious current state of capture."""
        if not self.is_reading_enabled:
            return "Capture is off"
        if self.capture is None:
            return "Capture has not read anything yet"
        if self.audit_log_trouble is not None:
            return "The audit log is not being read"
        if any(gap.ends_at is None for gap in self.gaps):
            return "The audit log has a gap"
        if self.mode is CaptureMode.RESTORING:
            return capture_words.sources_on(
                len(self.active_sources), len([row for row in self.sources if not row.is_on])
            )
        return {
            CaptureMode.OBSERVING: "Changes are only observed",
            CaptureMode.STAGING: "Restoring is stopped",
            CaptureMode.PAUSED: "Capture was paused automatically",
        }[self.mode]

    @property
    def mode_words(self) -> str:
        """Return what happens to changes in the current mode."""
        return {
            CaptureMode.OFF: "",
            CaptureMode.OBSERVING: "Changes are only counted; nothing is staged or restored.",
            CaptureMode.STAGING: "Edits by a source that is on are staged. Their originals are not restored.",
            CaptureMode.RESTORING: (
                "Edits by a source that is on are staged and their originals restored. Other changes are only counted."
            ),
            CaptureMode.PAUSED: "Changes are read and counted; nothing is staged or restored.",
        }[self.mode]

    @property
    def why_paused(self) -> str:
        return capture_words.WHY_PAUSED.get(self.capture.reason, "") if self.capture else ""

    @cached_property
    def _observed(self) -> Observations:
        return Observations()

    @property
    def read_at(self) -> datetime | None:
        return self._observed.audit_log.read_at if self._observed.audit_log else None

    @cached_property
    def _troubles(self) -> list[Trouble]:
        return list(find_capture_troubles(self._observed))

    @property
    def audit_log_trouble(self) -> Trouble | None:
        """Return the trouble for an audit log that is not being read."""
        return next((each for each in self._troubles if each.kind is capture_kinds.AUDIT_LOG), None)

    @cached_property
    def hold_reasons(self) -> list[str]:
        """Return why edits are found but not staged although a source is on."""
        if self.mode not in brakes.RUNNING:
            return []
        found = [] if clients.review_writes_are_enabled() else [kinds.READ_ONLY.title]
        return found + [kinds.kind_of_breaker(each.name).title for each in breakers.all_open() if each.name in BREAKERS]

    @cached_property
    def gaps(self) -> Sequence[CaptureGap]:
        """Return the gaps in the days that are shown, newest first."""
        if self.capture is None:
            return []
        since = self.capture.now - timedelta(days=counts.MONTH)
        found = CaptureGap.objects.order_by("-begins_at")
        return [gap for gap in found[:MAX_GAPS] if gap.ends_at is None or gap.ends_at > since]

    @cached_property
    def changes(self) -> Changes:
        return observation.changes()

    @cached_property
    def active_sources(self) -> dict[str, CaptureSource]:
        """Return the sources that are on."""
        return {row.source: row for row in CaptureSource.objects.filter(is_on=True).select_related("switched_by")}

    @property
    def switched_on(self) -> list[tuple[str, CaptureSource]]:
        """Return each source that is on, with its label."""
        return [(Source(name).label, row) for name, row in self.active_sources.items()]

    @cached_property
    def naming(self) -> Naming:
        return Naming.load(self.changes)

    @cached_property
    def sources(self) -> list[SourceRow]:
        """Return a row for Outlook, for each program, and for unknown sources."""
        badge = capture_words.STATES.get(self.mode, capture_words.OBSERVING)
        is_original = self.capture is not None and self.capture.rule == CaptureRule.ORIGINAL
        teams = dict(FilterTeam.objects.filter(pk__in=self._pilots).values_list("pk", "name")) if self._pilots else {}
        rows = []
        for found in self.changes.with_sources(Source.OUTLOOK, Source.UNKNOWN):
            if found.writer.source is Source.FORM:
                continue
            switch = self.active_sources.get(found.writer.source)
            may_switch = is_original or found.writer.source is Source.OUTLOOK
            rows.append(source_row(found, self.naming, switch, badge=badge, may_switch=may_switch, teams=teams))
        return rows

    @property
    def _pilots(self) -> set[UUID]:
        return {row.pilot_team_id for row in self.active_sources.values() if row.pilot_team_id is not None}

    @property
    def week(self) -> int:
        """Return how many changes the listed sources made in 7 days."""
        return sum(row.week for row in self.sources)

    @property
    def form_changes_in_week(self) -> int:
        """Return the number of changes in the last 7 days made by forms and programs that raise the revision."""
        return sum(each.week for each in self.changes.by_source(Source.FORM))

    @cached_property
    def _handlings(self) -> dict[tuple[str, str], str]:
        return {(row.source, row.column_name): row.handling for row in CaptureColumn.objects.all()}

    @property
    def other_columns(self) -> list[tuple[str, str, bool]]:
        """Return each watched column that Outlook did not change: name, label, and whether changes are let through."""
        changed = {each.column for found in self.changes.by_source(Source.OUTLOOK) for each in found.columns}
        watched = columns.tracked(clients.names().contact_revision)
        passing = CaptureColumn.Handling.LET_THROUGH
        found = [
            (name, column.label, self._handlings.get((Source.OUTLOOK, name)) == passing)
            for name, column in watched.items()
            if name not in changed
        ]
        return sorted(found, key=lambda each: search_key(each[1]))

    @cached_property
    def sections(self) -> list[Section]:
        """Return a section for each of the first sources that changed columns."""
        shown = [each for each in self.changes.writers if each.columns and each.writer.source is not Source.FORM]
        rows = {row.anchor: row for row in self.sources}
        return [
            section(each, rows[self.naming.anchor(each.writer)], self.naming, self._handlings)
            for each in shown[:MAX_SECTIONS]
        ]

    @cached_property
    def brakes(self) -> list[BrakeRow]:
        figures = brakes.figures()
        if figures is None:
            return []
        max_of_column = observation.max_restores_of_column()
        return [
            _brake("Restored for one source", figures.restored, figures.max_restores, "in 10 min, for any one source"),
            _brake(
                "Restored in one field",
                max_of_column,
                MAX_RESTORES_OF_COLUMN,
                "in 24 h, per field of a contact; after that Outlook’s value stays, and capture goes on as usual",
            ),
            _signature_brake(figures),
            _brake(
                "Contacts changed at once",
                figures.changed,
                figures.max_changed,
                "in 10 min; limit: 25% of the contacts changed on a usual day "
                f"({number(round(figures.usual_day))}), but at least {brakes.MIN_MASS_EDIT}",
            ),
        ]

    @cached_property
    def lives(self) -> TimesInCrm:
        return observation.times_in_crm(since=timezone.now() - timedelta(days=counts.WEEK))

    @property
    def live_rows(self) -> list[LiveRow]:
        largest = max(self.lives.buckets, default=0) or 1
        return [
            LiveRow(words, found, round(100 * found / largest, 1))
            for words, found in zip(capture_words.LIVE_RANGES, self.lives.buckets, strict=True)
        ]

    @property
    def live_median(self) -> str:
        return capture_words.duration(self.lives.median or 0)

    @property
    def live_worst(self) -> str:
        worst = self.lives.worst
        return capture_words.duration(worst.live_seconds or 0) if worst else ""

    @property
    def worst_contact(self) -> tuple[str, str]:
        """Return the contact whose value was in the CRM longest, and the URL of its edit or else of its form."""
        worst = self.lives.worst
        if worst is None:
            return "", ""
        known = observation.known_contacts({worst.contact_id})
        edit = known.edits.get(str(worst.audit_id))
        address = reverse("record", args=[edit]) if edit else crm_links.form_address("contact", worst.contact_id)
        return known.names.get(worst.contact_id, "a contact"), address

    @property
    def delay(self) -> str:
        """Return the delay of audit entries in words."""
        capture = self.capture
        if capture is None or capture.worst_delay is None:
            return "not measured yet"
        median, worst = capture.median_delay or 0, capture.worst_delay
        return f"median {capture_words.duration(median)}, longest {capture_words.duration(worst)}"

    @property
    def retention(self) -> str:
        """Return how long the CRM keeps its audit entries."""
        days = self.capture.days_kept if self.capture else None
        if days is None:
            return "not known"
        return "forever" if days == KEPT_FOREVER else f"{number(days)} days"

    @property
    def requests(self) -> tuple[int, int]:
        """Return the number of operations sent to the CRM today, and the daily allowance."""
        return usage.of_day() or 0, settings.CRM_DAILY_ALLOWANCE

    @property
    def rule_obstacle(self) -> str:
        return rule.obstacle()

    @property
    def outlook_obstacle(self) -> str:
        """Return why Outlook cannot be switched on; '' if it can, or is already on."""
        return "" if Source.OUTLOOK in self.active_sources else switching.obstacle(Source.OUTLOOK)


def _brake(name: str, found: int, limit: int, hint: str) -> BrakeRow:
    return BrakeRow(name, f"{number(found)} of {number(limit)}", min(100, round(100 * found / max(limit, 1))), hint)


def _signature_brake(figures: brakes.Figures) -> BrakeRow:
    name, found = "Unsigned in a row", figures.signatures
    if found is None:
        return BrakeRow(name, "Not measured", 0, "no update was signed in 28 days, or the original rule applies")
    share = f"{round(100 * found.share)}% of updates by mailbox users are usually signed"
    return _brake(name, found.unsigned, brakes.min_unsigned(found.share), share)
