"""What would leave a user's Outlook if some of his filters went off: asked of the CRM in his name, reading only.

Rows that those filters select, less what his other active filters and the system's still select, because filters add
up. What cannot be counted is unknown, never none. The last answer is kept with its age.
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

MOST_ROWS = 5000
MOST_NAMED = 50
NOT_IN_HIS_NAME = "The CRM answered in somebody else’s name, so nothing can be said of this user."
_TOO_MANY = f"Filters select more than {MOST_ROWS:,} rows; only the first were compared."
# A series has no such moment: what began long ago may still be to come.
_STARTS = dict.fromkeys(("appointment", "serviceappointment"), "scheduledstart")


@dataclass(frozen=True, slots=True)
class Invited:
    """A future meeting that the user organizes and others are invited to; `starts` in ISO form or ''."""

    subject: str
    starts: str
    attendees: int


@dataclass(frozen=True, slots=True)
class Loss:
    """Counts for one table: rows that leave, that stay, and future ones that leave; None: unknown, `why` says why.

    `is_more`: at least this many leave; `is_most`: at most, because what else selects them is not known. `meetings`
    None: whether the user organizes some of them could not be found out.
    """

    table: str
    leaves: int | None = None
    stays: int | None = None
    ahead: int | None = None
    is_more: bool = False
    meetings: list[Invited] | None = field(default_factory=list)
    why: str = ""
    is_most: bool = False


def ask(
    user: FilterUser, filter_ids: Collection[UUID], *, crm: CrmClient, by: Person, deadline: Deadline | None = None
) -> UserForecast:
    """Ask the CRM and keep the answer. Raises NotPossible where none of them is on, CrmError."""
    held = FilterRow.objects.for_outlook().filter(owner_id=user.pk, state=0)
    off = [row for row in held if row.pk in filter_ids]
    if not off:
        raise NotPossible("None of these filters is on, so nothing would leave.")
    stay = [row for row in held if row.pk not in filter_ids]
    losses = _asked(user, off, stay, crm, deadline)
    kept, _ = UserForecast.objects.update_or_create(
        user=user,
        defaults={
            "asked_at": timezone.now(),
            "asked_by": by,
            "off": [str(row.pk) for row in off],
            "losses": [_kept(loss) for loss in losses],
        },
    )
    return kept


def _kept(loss: Loss) -> dict[str, object]:
    # The previous release, which may still read this during an update, does not know `is_most`.
    return {key: value for key, value in asdict(loss).items() if key != "is_most" or value}


def losses_of(kept: UserForecast) -> list[Loss]:
    """The answer that was kept, a table each."""
    return [Loss(**loss | {"meetings": _invited(loss["meetings"])}) for loss in kept.losses]


def _invited(found: Sequence[dict[str, object]] | None) -> list[Invited] | None:
    return None if found is None else [Invited(**each) for each in found]  # type: ignore[arg-type]  # our own JSON


def forget_old(*, days: int = 7) -> int:
    """Answers name people's meetings; nobody needs them for long."""
    return UserForecast.objects.filter(asked_at__lt=timezone.now() - timedelta(days=days)).delete()[0]


def _asked(
    user: FilterUser, off: Sequence[FilterRow], stay: Sequence[FilterRow], crm: CrmClient, deadline: Deadline | None
) -> list[Loss]:
    tables = sorted({row.table for row in off})
    why = _refusal(user, crm, deadline)
    if why:
        return [Loss(table, meetings=None, why=why) for table in tables]
    questions = _Questions(user, crm, deadline)
    return [questions.loss(table, [row for row in off if row.table == table], _others(table, stay)) for table in tables]


def _refusal(user: FilterUser, crm: CrmClient, deadline: Deadline | None) -> str:
    """Why the CRM does not answer in his name; an id that it does not know it ignores without a word."""
    try:
        answered_as = crm.who_am_i(acting_for=user.acting, deadline=deadline).user_id
    except CrmError as error:
        if error.transient:
            raise
        return f"The CRM does not answer in this user’s name: {_said(error)}"
    return "" if answered_as == user.pk else NOT_IN_HIS_NAME


def _others(table: str, stay: Sequence[FilterRow]) -> list[AnyFilter]:
    for_everybody = SystemFilter.objects.filter(query_type=QueryType.OUTLOOK_FILTER, state=0, table=table)
    return [*(row for row in stay if row.table == table), *for_everybody]


def _said(error: CrmError) -> str:
    """Return the CRM's own message, without the names of our exceptions."""
    words = error.message.strip() or "it gave no reason."
    return words if words.endswith((".", "!", "?")) else f"{words}."


@dataclass(slots=True)
class _Selected:
    """Rows with when each starts. `refused`: filters that could not be evaluated, each with the reason."""

    rows: dict[UUID, datetime | None] = field(default_factory=dict)
    complete: bool = True
    refused: list[str] = field(default_factory=list)


class _Questions:
    """Questions in one user's name."""

    def __init__(self, user: FilterUser, crm: CrmClient, deadline: Deadline | None) -> None:
        self.user, self.crm, self.deadline = user, crm, deadline
        self.now = timezone.now()

    def loss(self, table: str, off: Sequence[AnyFilter], others: Sequence[AnyFilter]) -> Loss:
        """Compare what goes with what stays; a filter without an answer makes only its share unknown."""
        goes, stays = self._selected(off), self._selected(others)
        why = [*goes.refused, *stays.refused, *([] if stays.complete else [_TOO_MANY])]
        is_more = bool(goes.refused) or not goes.complete
        is_most = bool(stays.refused) or not stays.complete
        if (is_more and is_most) or (off and len(goes.refused) == len(off)):
            return Loss(table, meetings=None, why=" ".join(why) or _TOO_MANY)
        leaves = {key: starts for key, starts in goes.rows.items() if key not in stays.rows}
        ahead = sum(starts is not None and starts > self.now for starts in leaves.values())
        return Loss(
            table,
            leaves=len(leaves),
            stays=len(goes.rows) - len(leaves),
            ahead=ahead if table in _STARTS else None,
            is_more=is_more,
            meetings=None if is_more else self._meetings(table, leaves),
            why=" ".join(why),
            is_most=is_most,
        )

    def _selected(self, filters: Sequence[AnyFilter]) -> _Selected:
        """Return the rows that these filters select together. Raises CrmError where trying again can help."""
        found = _Selected()
        for each in filters:
            column = _STARTS.get(each.table, "")
            try:
                selection = self.crm.evaluation.rows(
                    each,
                    columns=[column] if column else [],
                    acting_for=self.user.acting,
                    most=MOST_ROWS,
                    deadline=self.deadline,
                )
            except CrmError as error:
                if error.transient:
                    raise
                found.refused.append(f"“{each.name}” could not be evaluated: {_said(error)}")
                continue
            found.complete = found.complete and selection.complete
            found.rows |= {row.id: row.moment(column) if column else None for row in selection.rows}
        return found

    def _meetings(self, table: str, leaves: Collection[UUID]) -> list[Invited] | None:
        if table not in MEETINGS:
            return []
        (found,) = self.crm.evaluation.organized_meetings(
            [self.user.pk], table=table, after=self.now, deadline=self.deadline
        )
        if found.meetings is None or not found.complete:
            return None
        his = sorted((each for each in found.meetings if each.id in leaves), key=lambda each: str(each.starts))
        return [
            Invited(each.subject[:200], each.starts.isoformat() if each.starts else "", each.attendees)
            for each in his[:MOST_NAMED]
        ]
