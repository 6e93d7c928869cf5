"""Forecasts of the rows that would leave a user's Outlook if filters were switched off; read from the CRM as that user.

A row leaves if one of those filters selects it and none of the user's other active filters or system filters does,
because filters add up. What cannot be counted is unknown, never zero. Each user's last forecast is stored.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from syncapp.crm.client import CrmClient
from syncapp.crm.deadline import Deadline
from syncapp.crm.errors import CrmError
from syncapp.crm.filters.evaluation import AnyFilter
from syncapp.crm.filters.fetch_xml import MEETINGS
from syncapp.crm.filters.records import QueryType
from syncapp.models import FilterRow, FilterUser, Person, SystemFilter, UserForecast
from syncapp.sync_filters.errors import NotPossible

MAX_ROWS = 5000
MAX_MEETINGS = 50
NOT_AS_USER = "The CRM answered as another user, so nothing is known about this user."
_TOO_MANY = f"Filters select more than {MAX_ROWS:,} rows; only the first were compared."
# Series are missing here, because one that began long ago may still have future occurrences.
_START_COLUMNS = dict.fromkeys(("appointment", "serviceappointment"), "scheduledstart")


@dataclass(frozen=True, slots=True)
class OrganizedMeeting:
    """A future meeting that the user organizes with other attendees; `starts` is in ISO format, or '' if unknown."""

    subject: str
    starts: str
    attendees: int


@dataclass(frozen=True, slots=True)
class Loss:
    """Counts of one table's rows: those that leave, those that stay, and those that leave and lie ahead.

    A count is None if it is unknown; `why` gives the reason. `is_more`: at least this many leave. `is_most`: at most
    this many leave, because filters that could not be evaluated may select some. `meetings` is None if it could not be
    determined which of the rows the user organizes.
    """

    table: str
    leaves: int | None = None
    stays: int | None = None
    ahead: int | None = None
    is_more: bool = False
    meetings: list[OrganizedMeeting] | None = field(default_factory=list)
    why: str = ""
    is_most: bool = False


def create_forecast(
    user: FilterUser, filter_ids: Collection[UUID], *, crm: CrmClient, by: Person, deadline: Deadline | None = None
) -> UserForecast:
    """Ask the CRM what would leave with these filters off, and store the answer. Raises NotPossible, CrmError."""
    active = FilterRow.objects.for_outlook().filter(owner_id=user.pk, state=0)
    switched_off = [row for row in active if row.pk in filter_ids]
    if not switched_off:
        raise NotPossible("None of these filters is on, so nothing would leave.")
    still_on = [row for row in active if row.pk not in filter_ids]
    tables = sorted({row.table for row in switched_off})
    if why := _refusal_reason(user, crm, deadline):
        losses = [Loss(table, meetings=None, why=why) for table in tables]
    else:
        evaluator = _Evaluator(user, crm, deadline)
        system = SystemFilter.objects.filter(query_type=QueryType.OUTLOOK_FILTER, state=0)
        losses = []
        for table in tables:
            others: list[AnyFilter] = [*(row for row in still_on if row.table == table), *system.filter(table=table)]
            losses.append(evaluator.forecast_table(table, [row for row in switched_off if row.table == table], others))
    stored, _ = UserForecast.objects.update_or_create(
        user=user,
        defaults={
            "asked_at": timezone.now(),
            "asked_by": by,
            "off": [str(row.pk) for row in switched_off],
            # The previous release, which may still read this during an update, does not know `is_most`.
            "losses": [
                {key: value for key, value in asdict(loss).items() if key != "is_most" or value} for loss in losses
            ],
        },
    )
    return stored


def losses_of(stored: UserForecast) -> list[Loss]:
    """Return the losses of a stored forecast, one per table."""
    found = []
    for loss in stored.losses:
        meetings = loss["meetings"]
        organized = None if meetings is None else [OrganizedMeeting(**each) for each in meetings]
        found.append(Loss(**loss | {"meetings": organized}))
    return found


def delete_old(*, days: int = 7) -> int:
    """Delete old forecasts, which name people's meetings; return how many."""
    return UserForecast.objects.filter(asked_at__lt=timezone.now() - timedelta(days=days)).delete()[0]


def _refusal_reason(user: FilterUser, crm: CrmClient, deadline: Deadline | None) -> str:
    """Return why the CRM does not answer as this user; '' if it does. For an unknown id, it answers as the portal."""
    try:
        answered_as = crm.who_am_i(acting_for=user.acting, deadline=deadline).user_id
    except CrmError as error:
        if error.is_transient:
            raise
        return f"The CRM does not answer as this user: {_message_of(error)}"
    return "" if answered_as == user.pk else NOT_AS_USER


def _message_of(error: CrmError) -> str:
    """Return the CRM's own message as a sentence, without the names of our exceptions."""
    words = error.message.strip() or "it gave no reason."
    return words if words.endswith((".", "!", "?")) else f"{words}."


@dataclass(slots=True)
class _SelectedRows:
    """Selected rows with their start times.

    `complete`: no filter selected more than MAX_ROWS. `refused`: filters that could not be evaluated, with the reason.
    """

    rows: dict[UUID, datetime | None] = field(default_factory=dict)
    complete: bool = True
    refused: list[str] = field(default_factory=list)


class _Evaluator:
    """An evaluator that reads, as one user, which rows filters select."""

    def __init__(self, user: FilterUser, crm: CrmClient, deadline: Deadline | None) -> None:
        self.user, self.crm, self.deadline = user, crm, deadline
        self.now = timezone.now()

    def forecast_table(self, table: str, off: Sequence[AnyFilter], others: Sequence[AnyFilter]) -> Loss:
        """Count the rows that leave and stay; if filters cannot be evaluated in full, they are bounds or unknown."""
        switched_off, kept = self._select(off), self._select(others)
        why = [*switched_off.refused, *kept.refused, *([] if kept.complete else [_TOO_MANY])]
        is_lower_bound = bool(switched_off.refused) or not switched_off.complete
        is_upper_bound = bool(kept.refused) or not kept.complete
        if (is_lower_bound and is_upper_bound) or (off and len(switched_off.refused) == len(off)):
            return Loss(table, meetings=None, why=" ".join(why) or _TOO_MANY)
        leaves = {key: starts for key, starts in switched_off.rows.items() if key not in kept.rows}
        ahead = sum(starts is not None and starts > self.now for starts in leaves.values())
        return Loss(
            table,
            leaves=len(leaves),
            stays=len(switched_off.rows) - len(leaves),
            ahead=ahead if table in _START_COLUMNS else None,
            is_more=is_lower_bound,
            meetings=None if is_lower_bound else self._organized_meetings(table, leaves),
            why=" ".join(why),
            is_most=is_upper_bound,
        )

    def _select(self, filters: Sequence[AnyFilter]) -> _SelectedRows:
        """Return the rows that these filters select together. Raises CrmError if a retry can help."""
        found = _SelectedRows()
        for each in filters:
            column = _START_COLUMNS.get(each.table, "")
            try:
                selection = self.crm.evaluation.rows(
                    each,
                    columns=[column] if column else [],
                    acting_for=self.user.acting,
                    limit=MAX_ROWS,
                    deadline=self.deadline,
                )
            except CrmError as error:
                if error.is_transient:
                    raise
                found.refused.append(f"“{each.name}” could not be evaluated: {_message_of(error)}")
                continue
            found.complete = found.complete and selection.complete
            found.rows |= {row.id: row.moment(column) if column else None for row in selection.rows}
        return found

    def _organized_meetings(self, table: str, leaves: Collection[UUID]) -> list[OrganizedMeeting] | None:
        if table not in MEETINGS:
            return []
        (found,) = self.crm.evaluation.organized_meetings(
            [self.user.pk], table=table, after=self.now, deadline=self.deadline
        )
        if found.meetings is None or not found.complete:
            return None
        leaving = sorted((each for each in found.meetings if each.id in leaves), key=lambda each: str(each.starts))
        return [
            OrganizedMeeting(each.subject[:200], each.starts.isoformat() if each.starts else "", each.attendees)
            for each in leaving[:MAX_MEETINGS]
        ]
