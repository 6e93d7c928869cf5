"""One user as his page shows him: the verdict with its ways, each table in words, what would leave, what happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.conf import settings

from syncapp.mirror.filters import access, sync_paths
from syncapp.models import FilterGround, FilterPolicy, FilterUser, Person, UnreadableRow, UserForecast, UserList
from syncapp.models.person import Role
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES, Group, group_of, name_of
from syncapp.models.sync_filters.user import Cause, SyncPaths
from syncapp.sync_filters.fetch_words import sentences
from syncapp.sync_filters.fetch_words.sentences import Words
from syncapp.sync_filters.inventory import explanation, forecasts, user_history
from syncapp.sync_filters.inventory.explanation import Explained, TableFacts
from syncapp.sync_filters.inventory.forecasts import Invited, Loss
from syncapp.sync_filters.inventory.recommendations import Remedy, remedy_of
from syncapp.sync_filters.policies import disagreements, groups
from syncapp.sync_filters.policies.disagreements import Disagreement
from syncapp.web.filters import run_words, sync_path_words
from syncapp.web.filters.matrix_presenter import method_of
from syncapp.web.filters.policy_presenter import DisagreementShown, keeps

_TO_OUTLOOK = {1: ("Server-side synchronization", "Exchange", "Outlook and phone"), 0: ("Outlook add-in", "Outlook")}
_IN_OUTLOOK = {0: ("", "Not at all"), 1: ("good", "Once"), 2: ("warn", "Twice")}
# "My" in a team's filter means nobody in particular before somebody asks.
_WHOEVER = "whoever it is asked for"
_ALL_OF = {
    Group.APPOINTMENTS: "All appointment filters",
    Group.CONTACTS: "All contact filters",
    Group.TASKS: "All task filters",
    Group.OTHER: "All other filters",
}
MAILBOX_STATES = {0: "not run yet", 1: "success", 2: "failure"}


@dataclass(frozen=True, slots=True)
class Selecting:
    """A filter and what it selects, in words."""

    name: str
    words: Words
    is_on: bool
    note: str = ""


@dataclass(frozen=True)
class TableShown:
    """One table of the user."""

    facts: TableFacts
    who: str

    @property
    def name(self) -> str:
        return name_of(self.facts.table)

    @property
    def selecting(self) -> list[Selecting]:
        own = [Selecting(row.name, _words(row.fetch_xml, self.who), row.is_on) for row in self.facts.filters]
        common = [
            Selecting(each.name, _words(each.fetch_xml, self.who), each.state == 0, "system filter, for everybody")
            for each in self.facts.for_everybody
        ]
        return own + common

    @property
    def in_outlook(self) -> tuple[str, str]:
        return _IN_OUTLOOK[min(self.facts.ways, 2)]


def _words(fetch_xml: str, who: str) -> Words:
    return sentences.runs_of(sentences.words_of(fetch_xml, who=who))


@dataclass(frozen=True)
class LossShown:
    """What one table would lose."""

    loss: Loss

    @property
    def name(self) -> str:
        return name_of(self.loss.table)

    @property
    def bound(self) -> str:
        """Return the words before a number that is a bound only."""
        return "at least " if self.loss.is_more else "at most " if self.loss.is_most else ""

    @property
    def meetings(self) -> list[tuple[Invited, datetime | None]]:
        found = self.loss.meetings or []
        return [(each, datetime.fromisoformat(each.starts) if each.starts else None) for each in found]


class UserShown:
    """The page of one user."""

    def __init__(self, user: FilterUser, person: Person) -> None:
        self.user, self.person = user, person
        self.method = method_of(user)
        self.cause, self.paths = Cause(user.cause), SyncPaths(user.paths)

    @cached_property
    def unreadable(self) -> list[UnreadableRow]:
        """Return what of the user, the mailbox or a filter cannot be read."""
        return list(UnreadableRow.objects.filter(owner_id=self.user.pk))

    @cached_property
    def facts(self) -> Explained:
        return explanation.explain(self.user)

    @cached_property
    def ground(self) -> FilterGround:
        return access.ground()

    @property
    def crm_address(self) -> str:
        """The user's form in the CRM."""
        return f"{settings.CRM_ORIGIN}/main.aspx?etn=systemuser&pagetype=entityrecord&id={self.user.pk}"

    @property
    def verdict(self) -> tuple[str, str]:
        return sync_path_words.VERDICTS[self.paths]

    @property
    def because(self) -> str:
        return sync_path_words.BECAUSE[self.cause]

    @cached_property
    def remedy(self) -> Remedy:
        return remedy_of(self.cause, everybody_selects=sync_paths.has_system_filter())

    @property
    def helps(self) -> str:
        return sync_path_words.HELPS[self.remedy]

    @property
    def plan(self) -> str:
        """The query that opens the form of a run that helps; '' where none does or the person may start none."""
        wanted = sync_path_words.WANTED.get(self.remedy, "") if self.may_switch else ""
        return f"?user={self.user.pk}&want={wanted}" if wanted else ""

    @property
    def ways(self) -> list[tuple[str, ...]]:
        """The ways of his appointments, stop by stop; the first of each says what begins it."""
        found: list[tuple[str, ...]] = []
        appointments = [each for each in self.facts.tables if group_of(each.table) is Group.APPOINTMENTS]
        on = sum(each.on for each in appointments)
        on += sum(row.state == 0 for each in appointments for row in each.for_everybody)
        if on and self.facts.mailbox_ways:
            start = f"{on} filter{'' if on == 1 else 's'} on in the CRM"
            found.append((start, *_TO_OUTLOOK[1 if self.user.is_server_side else 0]))
            if self.facts.mailbox_ways > 1:
                found.append((start, *_TO_OUTLOOK[0]))
        return found + [(f"{each.name}, as on its list", "Exchange", "Outlook and phone") for each in self.products]

    @property
    def products(self) -> list[UserList]:
        return [each for each in self.facts.lists if each.brings_appointments]

    @cached_property
    def tables(self) -> list[TableShown]:
        return [TableShown(facts, self.user.name) for facts in self.facts.tables]

    @property
    def offline(self) -> list[Selecting]:
        return [Selecting(row.name, _words(row.fetch_xml, self.user.name), row.is_on) for row in self.facts.offline]

    @property
    def of_teams(self) -> list[Selecting]:
        return [
            Selecting(row.name, _words(row.fetch_xml, _WHOEVER), row.is_on, f"owned by {team.name}")
            for team, row in self.facts.of_teams
        ]

    @property
    def templates(self) -> list[str]:
        return [f"{name_of(each.table)}: {each.name}" for each in self.facts.templates if each.is_default]

    @property
    def fed_by_entra(self) -> bool:
        return any(team.is_fed_by_entra for team in self.facts.teams)

    @property
    def thinkable(self) -> list[tuple[str, str]]:
        """What can be thought away: whole columns of the matrix, and single filters where a table has several on."""
        found = []
        for group in Group:
            if any(each.on for each in self.facts.tables if group_of(each.table) is group):
                found.append((group.value, _ALL_OF[group]))
        for each in self.facts.tables:
            if each.on > 1:
                found += [
                    (str(row.pk), f"{name_of(each.table)}: only “{row.name}”") for row in each.filters if row.is_on
                ]
        return found

    @cached_property
    def forecast(self) -> UserForecast | None:
        return UserForecast.objects.select_related("asked_by").filter(user=self.user).first()

    @cached_property
    def losses(self) -> list[LossShown]:
        return [LossShown(loss) for loss in forecasts.losses_of(self.forecast)] if self.forecast else []

    @property
    def thought_away(self) -> str:
        """The names of the filters that the answer is about."""
        off = set(self.forecast.off) if self.forecast else set()
        rows = [row for each in self.facts.tables for row in each.filters if str(row.pk) in off]
        return ", ".join(f"“{row.name}”" for row in rows)

    @property
    def forecast_is_overtaken(self) -> bool:
        """Whether a filter of his was changed after the answer."""
        rows = [row for each in self.facts.tables for row in each.filters]
        asked_at = self.forecast.asked_at if self.forecast else None
        return any(asked_at and row.modified_on and row.modified_on > asked_at for row in rows)

    @property
    def cancels(self) -> bool:
        """Whether what leaves is deleted from the mailbox, so that cancellations may go out."""
        return self.user.is_server_side and self.ground.keeps_deletes_apart is not True

    @property
    def add_in_words(self) -> str:
        return run_words.ADD_IN_DISPUTED

    @cached_property
    def parts(self) -> list[user_history.Part]:
        return user_history.parts_of(self.user)

    @cached_property
    def touched(self) -> list[user_history.Touched]:
        return user_history.touched_by_others(self.user, self.parts)

    @cached_property
    def policies(self) -> list[tuple[FilterPolicy, str, list[DisagreementShown]]]:
        """Return the policies that this user belongs to, what each keeps, and who disagrees with it."""
        found = disagreements.of_user(self.user, groups.policies_of(self.user))
        return [
            (policy, keeps(policy), [DisagreementShown(Disagreement(each, (self.user.pk,)), []) for each in opponents])
            for policy, opponents in found
        ]

    @property
    def may_switch(self) -> bool:
        return self.person.has_role(Role.FILTER_MANAGER)

    @property
    def appointments_can_go_off(self) -> bool:
        return any(each.on for each in self.facts.tables if each.table in APPOINTMENT_TABLES)

    @property
    def last_sync(self) -> str:
        return MAILBOX_STATES.get(self.user.act_status, "")
