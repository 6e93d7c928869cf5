"""One user, prepared for the templates: sync paths, tables in words, forecast, history and policies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from syncapp.mirror.filters import access, sync_paths
from syncapp.models import FilterAccess, FilterPolicy, FilterUser, Person, UnreadableRow, UserForecast, UserList
from syncapp.models.person import Role
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES, Group, group_of, table_label
from syncapp.models.sync_filters.user import Cause, SyncPaths
from syncapp.sync_filters.fetch_words import sentences
from syncapp.sync_filters.fetch_words.sentences import Words
from syncapp.sync_filters.inventory import explanation, forecasts, user_history
from syncapp.sync_filters.inventory.explanation import TableExplanation, UserExplanation
from syncapp.sync_filters.inventory.forecasts import Loss, OrganizedMeeting
from syncapp.sync_filters.inventory.recommendations import Recommendation, recommend
from syncapp.sync_filters.policies import conflicts, groups
from syncapp.sync_filters.policies.conflicts import Conflict
from syncapp.web.base import crm_links
from syncapp.web.filters import run_words, sync_path_words
from syncapp.web.filters.matrix_presenter import method_of
from syncapp.web.filters.policy_presenter import ConflictPresenter, describe_state

_TO_OUTLOOK = {1: ("Server-side synchronization", "Exchange", "Outlook and phone"), 0: ("Outlook add-in", "Outlook")}
_IN_OUTLOOK = {0: ("", "Not at all"), 1: ("good", "Once"), 2: ("warn", "Twice")}
# A team's filter is evaluated for the member who asks.
_ANY_MEMBER = "the respective team member"

MAILBOX_STATES = {0: "not run yet", 1: "succeeded", 2: "failed"}


@dataclass(frozen=True, slots=True)
class FilterDescription:
    """A filter with a description of what it selects."""

    name: str
    words: Words
    is_on: bool
    note: str = ""


@dataclass(frozen=True)
class TablePresenter:
    """One table with the filters that select from it."""

    facts: TableExplanation
    who: str

    @property
    def name(self) -> str:
        return table_label(self.facts.table)

    @property
    def selecting_filters(self) -> list[FilterDescription]:
        own = [FilterDescription(row.name, _words(row.fetch_xml, self.who), row.is_on) for row in self.facts.filters]
        common = [
            FilterDescription(
                each.name, _words(each.fetch_xml, self.who), each.state == 0, "system filter, for all users"
            )
            for each in self.facts.system_filters
        ]
        return own + common

    @property
    def times_in_outlook(self) -> tuple[str, str]:
        return _IN_OUTLOOK[min(self.facts.paths, 2)]


def _words(fetch_xml: str, who: str) -> Words:
    return sentences.merge_pieces(sentences.describe(fetch_xml, who=who))


@dataclass(frozen=True)
class LossPresenter:
    """The rows that one table would lose in Outlook."""

    loss: Loss

    @property
    def name(self) -> str:
        return table_label(self.loss.table)

    @property
    def bound(self) -> str:
        """Return "at least " or "at most " before a number that is only a limit, else ''."""
        if self.loss.is_more:
            return "at least "
        return "at most " if self.loss.is_most else ""

    @property
    def meetings(self) -> list[tuple[OrganizedMeeting, datetime | None]]:
        found = self.loss.meetings or []
        return [(each, datetime.fromisoformat(each.starts) if each.starts else None) for each in found]


class UserPresenter:
    """Values for the page of one user; each runs its query once, and only if it is shown."""

    add_in_words = run_words.ADD_IN_DISPUTED

    def __init__(self, user: FilterUser, person: Person) -> None:
        self.user, self.person = user, person
        self.method = method_of(user)
        self.cause, self.paths = Cause(user.cause), SyncPaths(user.paths)

    @cached_property
    def unreadable(self) -> list[UnreadableRow]:
        """Return the rows of the user, the mailbox or the filters that cannot be read."""
        return list(UnreadableRow.objects.filter(owner_id=self.user.pk))

    @cached_property
    def facts(self) -> UserExplanation:
        return explanation.explain(self.user)

    @cached_property
    def capabilities(self) -> FilterAccess:
        return access.capabilities()

    @property
    def crm_address(self) -> str:
        """Return the address of the user's form in the CRM."""
        return crm_links.form_address("systemuser", self.user.pk)

    @property
    def summary(self) -> tuple[str, str]:
        return sync_path_words.SUMMARIES[self.paths]

    @property
    def cause_words(self) -> str:
        return sync_path_words.BECAUSE[self.cause]

    @cached_property
    def recommendation(self) -> Recommendation:
        return recommend(self.cause, system_selects=sync_paths.has_system_filter())

    @property
    def recommendation_words(self) -> str:
        return sync_path_words.HELPS[self.recommendation]

    @property
    def plan_query(self) -> str:
        """Return the query string of a plan that helps; '' if no run helps or the person may not create one."""
        wanted = sync_path_words.WANTED.get(self.recommendation, "") if self.may_switch else ""
        return f"?user={self.user.pk}&want={wanted}" if wanted else ""

    @property
    def routes(self) -> list[tuple[str, ...]]:
        """Return the paths of the user's appointments to Outlook, each as a list of stops."""
        found: list[tuple[str, ...]] = []
        appointments = [each for each in self.facts.tables if group_of(each.table) is Group.APPOINTMENTS]
        on = sum(each.on for each in appointments)
        on += sum(row.state == 0 for each in appointments for row in each.system_filters)
        if on and self.facts.mailbox_paths:
            start = f"{on} filter{'' if on == 1 else 's'} on in the CRM"
            found.append((start, *_TO_OUTLOOK[1 if self.user.is_server_side else 0]))
            if self.facts.mailbox_paths > 1:
                found.append((start, *_TO_OUTLOOK[0]))
        return found + [
            (f"{each.name}, according to its list", "Exchange", "Outlook and phone") for each in self.products
        ]

    @property
    def products(self) -> list[UserList]:
        return [each for each in self.facts.lists if each.brings_appointments]

    @cached_property
    def tables(self) -> list[TablePresenter]:
        return [TablePresenter(facts, self.user.name) for facts in self.facts.tables]

    @property
    def offline_filters(self) -> list[FilterDescription]:
        return [
            FilterDescription(row.name, _words(row.fetch_xml, self.user.name), row.is_on) for row in self.facts.offline
        ]

    @property
    def team_filters(self) -> list[FilterDescription]:
        return [
            FilterDescription(row.name, _words(row.fetch_xml, _ANY_MEMBER), row.is_on, f"owned by {team.name}")
            for team, row in self.facts.team_filters
        ]

    @property
    def default_templates(self) -> list[str]:
        return [f"{table_label(each.table)}: {each.name}" for each in self.facts.templates if each.is_default]

    @property
    def is_managed_by_entra(self) -> bool:
        return any(team.is_managed_by_entra for team in self.facts.teams)

    @property
    def forecast_options(self) -> list[tuple[str, str]]:
        """Return what a forecast can assume to be off: all filters of a group, or one of several for a table."""
        found = []
        for group in Group:
            if any(each.on for each in self.facts.tables if group_of(each.table) is group):
                found.append((group.value, f"All {group.filters_label}"))
        for each in self.facts.tables:
            if each.on > 1:
                found += [
                    (str(row.pk), f"{table_label(each.table)}: only “{row.name}”") for row in each.filters if row.is_on
                ]
        return found

    @cached_property
    def forecast(self) -> UserForecast | None:
        return UserForecast.objects.select_related("asked_by").filter(user=self.user).first()

    @cached_property
    def losses(self) -> list[LossPresenter]:
        return [LossPresenter(loss) for loss in forecasts.losses_of(self.forecast)] if self.forecast else []

    @property
    def forecast_filters(self) -> str:
        """Return the names of the filters that the forecast assumes to be off."""
        off = set(self.forecast.off) if self.forecast else set()
        rows = [row for each in self.facts.tables for row in each.filters if str(row.pk) in off]
        return ", ".join(f"“{row.name}”" for row in rows)

    @property
    def forecast_is_stale(self) -> bool:
        """Return whether a filter of the user was changed after the forecast."""
        rows = [row for each in self.facts.tables for row in each.filters]
        asked_at = self.forecast.asked_at if self.forecast else None
        return any(asked_at and row.modified_on and row.modified_on > asked_at for row in rows)

    @property
    def may_cancel(self) -> bool:
        """Return whether the mailbox may lose items that no filter selects any longer, and send cancellations."""
        return self.user.is_server_side and self.capabilities.keeps_deletes_apart is not True

    @cached_property
    def history(self) -> list[user_history.HistoryEntry]:
        return user_history.history_of(self.user)

    @cached_property
    def outside_changes(self) -> list[user_history.OutsideChange]:
        return user_history.outside_changes(self.user, self.history)

    @cached_property
    def policies(self) -> list[tuple[FilterPolicy, str, list[ConflictPresenter]]]:
        """Return the policies whose group has this user, the state each keeps, and its conflicts about the user."""
        key, found = self.user.pk, []
        for policy in groups.policies_of(self.user):
            sources = conflicts.conflict_sources(policy, [key]).get(key, [])
            presenters = [ConflictPresenter(Conflict(source, (key,)), []) for source in sources]
            found.append((policy, describe_state(policy), presenters))
        return found

    @property
    def may_switch(self) -> bool:
        return self.person.has_role(Role.FILTER_MANAGER)

    @property
    def appointments_can_go_off(self) -> bool:
        return any(each.on for each in self.facts.tables if each.table in APPOINTMENT_TABLES)

    @property
    def last_sync(self) -> str:
        return MAILBOX_STATES.get(self.user.act_status, "")
