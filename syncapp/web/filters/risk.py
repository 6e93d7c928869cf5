"""The risk report: how many users' appointments reach Outlook twice, once or not at all, and what helps."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpResponse, StreamingHttpResponse
from django.urls import reverse

from syncapp.mirror.filters import sync_paths
from syncapp.models.person import Role
from syncapp.models.sync_filters.user import Cause, SyncPaths
from syncapp.sync_filters.inventory import matrix, risk
from syncapp.sync_filters.inventory.recommendations import recommend
from syncapp.sync_filters.inventory.risk import CauseRisk, Report, UnitRisk
from syncapp.text import localization
from syncapp.web.base import charts, csv_files
from syncapp.web.base.access import PortalRequest, allow
from syncapp.web.base.page import FILTER_ROLES, PageContext, render_page
from syncapp.web.filters import sync_path_words
from syncapp.web.filters.matrix_form import MatrixParams

MAX_BARS = 15
_HINTS = {
    SyncPaths.TWICE: "duplicates in the calendar",
    SyncPaths.ONCE: "as expected",
    SyncPaths.NOT_AT_ALL: "nothing delivers them",
    SyncPaths.UNKNOWN: "not read yet",
}
_MAX_WIDTH, _MIN_WIDTH_WITH_NUMBER = 100.0, 6.0


@dataclass(frozen=True, slots=True)
class BarPart:
    """One part of a bar: its position and width in percent of the longest bar, and a link to its users."""

    paths: SyncPaths
    x: float
    width: float
    users: int
    words: str
    href: str

    @property
    def has_room(self) -> bool:
        """Return whether the number fits into this part of the bar."""
        return self.width >= _MIN_WIDTH_WITH_NUMBER


class RiskPresenter:
    """The report, with links to the users behind each figure."""

    name = "twice"  # name of the panel with the trend by day

    def __init__(self, report: Report, *, may_switch: bool) -> None:
        self.report, self.may_switch = report, may_switch
        self.all_paths = list(SyncPaths)

    def _href(self, **narrowed: object) -> str:
        team = {"team": str(self.report.team.pk)} if self.report.team else {}
        return "?" + urlencode({key: str(value) for key, value in narrowed.items() if value} | team)

    @property
    def figures(self) -> list[tuple[SyncPaths, int, str, str]]:
        return [(each, self.report.users[each], _HINTS[each], self._href(risk=each.value)) for each in SyncPaths]

    @property
    def bars(self) -> list[tuple[UnitRisk, list[BarPart]]]:
        """Return the units with the most doubled users, each with the parts of its bar."""
        units = self.report.units[:MAX_BARS]
        longest = max((unit.total for unit in units), default=1)
        bars = []
        for unit in units:
            x, parts = 0.0, []
            for each, users in [(each, unit.users[each]) for each in SyncPaths if unit.users[each]]:
                width = round(_MAX_WIDTH * users / longest, 2)
                words = f"{unit.name or 'No business unit'}: {users} {each.label.lower()}"
                href = self._href(unit=unit.unit_id, risk=each.value)
                parts.append(BarPart(each, round(x, 2), width, users, words, href))
                x += width
            bars.append((unit, parts))
        return bars

    @property
    def rows(self) -> list[tuple[UnitRisk, list[tuple[int, str]]]]:
        """Return all units with the number of their users by sync paths, and links to these users."""
        return [
            (unit, [(unit.users[each], self._href(unit=unit.unit_id, risk=each.value)) for each in SyncPaths])
            for unit in self.report.units
        ]

    @property
    def trend(self) -> charts.Columns | None:
        """Return the chart of doubled users by day; None until two days are known."""
        address = reverse("filters") + self._href(risk=SyncPaths.TWICE.value)
        groups = [
            charts.Group(
                localization.day_and_month(each.day),
                (each.twice,),
                f"{localization.day_and_month(each.day, long=True)}: {each.twice} twice",
                address,
            )
            for each in self.report.days
        ]
        return charts.columns(groups, ["Twice"]) if len(groups) > 1 else None

    @property
    def causes(self) -> list[tuple[CauseRisk, str, str, str]]:
        """Return each cause with what helps, a link to its users, and one to a plan for them ('' if no run helps)."""
        return [
            (
                each,
                sync_path_words.HELPS[each.recommendation],
                self._href(cause=each.cause.value),
                self._href(cause=each.cause.value, want=wanted) if wanted else "",
            )
            for each in self.report.causes
            for wanted in [sync_path_words.WANTED.get(each.recommendation, "")]
        ]


@allow(*FILTER_ROLES)
def filter_risk(request: PortalRequest) -> HttpResponse:
    """Show the report of all users, or of one team."""
    report = risk.report(_team(request))
    context = {
        "section": "filters",
        "tab": "risk",
        "page_context": PageContext(request.user),
        "view": RiskPresenter(report, may_switch=request.user.has_role(Role.FILTER_MANAGER)),
        "report": report,
        "inventory": matrix.inventory_cursor(),
        "teams": matrix.teams_by_unit(),
        "csv_query": f"?team={report.team.pk}" if report.team else "",
    }
    return render_page(request, "filters/risk.html", context)


def _team(request: PortalRequest) -> uuid.UUID | None:
    return MatrixParams.read(request.GET).criteria.team


@allow(*FILTER_ROLES)
def filter_risk_csv(request: PortalRequest) -> StreamingHttpResponse:
    """Export each user with the cause and the recommendation."""
    headers = [
        "Name",
        "Address",
        "Login",
        "Business unit",
        "Appointments reach Outlook",
        "Cause",
        "Recommendation",
        "Read",
    ]
    system_selects = sync_paths.has_system_filter()
    rows = (
        (
            *(user.name, user.address, user.login, user.unit_name),
            *(SyncPaths(user.paths).label, Cause(user.cause).label),
            recommend(Cause(user.cause), system_selects=system_selects).label,
            user.filters_read_at.isoformat(timespec="seconds") if user.filters_read_at else "",
        )
        for user in risk.iterate_users(_team(request))
    )
    return csv_files.download(request, "outlook-sync-risk", headers, rows)
