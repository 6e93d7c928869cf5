"""The form of a policy, and the specification that it describes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms

from syncapp.models import FilterPolicy, FilterUser
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES, table_label
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.inventory import matrix
from syncapp.sync_filters.policies import conflicts, groups
from syncapp.sync_filters.policies.editing import MAX_PER_NIGHT, InvalidPolicy, PolicySpec
from syncapp.sync_filters.runs import named_users, targets
from syncapp.text.ids import parse_uuid
from syncapp.text.localization import number
from syncapp.web.base import parameters
from syncapp.web.filters.plan_form import PageForm, WholeNumberField

TABLES = (*APPOINTMENT_TABLES, "contact", "task", "phonecall", "letter", "fax")
_MAX_QUOTED = 5


@dataclass(frozen=True, slots=True)
class GroupCheck:
    """The size of a policy's group, and the policies that keep some of its users in the opposite state."""

    users: int
    opposing: Sequence[tuple[FilterPolicy, int]]


class DayField(forms.CharField):
    """A day as the browser's date input sends it; None if nothing is typed."""

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        found = parameters.day(text)
        if text and found is None:
            raise forms.ValidationError("Enter a date.")
        return found


class PolicyForm(PageForm):
    """The form of a policy; once it is valid, `spec` is what it describes."""

    name = forms.CharField(required=False)
    group = forms.CharField(required=False)
    tables = forms.Field(required=False, widget=forms.SelectMultiple)
    wanted = forms.CharField(required=False)
    exceptions = forms.CharField(required=False)
    starts_on = DayField(required=False)
    ends_on = DayField(required=False)
    per_night = WholeNumberField("Repairs at most", minimum=1, maximum=MAX_PER_NIGHT)

    spec: PolicySpec

    @classmethod
    def empty(cls) -> PolicyForm:
        """Return the form of a new policy with the usual choice: appointments off."""
        return cls(initial={"tables": list(APPOINTMENT_TABLES), "wanted": "off", "per_night": "50"})

    @classmethod
    def from_policy(cls, policy: FilterPolicy) -> PolicyForm:
        """Return the form with a policy's values."""
        users = FilterUser.objects.filter(pk__in=policy.exceptions).order_by("name_key")
        initial = {
            "name": policy.name,
            "group": f"team:{policy.team_id}" if policy.team_id else f"unit:{policy.unit_id}",
            "tables": policy.tables,
            "wanted": "on" if policy.wanted_on else "off",
            "exceptions": "\n".join(user.address or user.name for user in users),
            "starts_on": policy.starts_on.isoformat() if policy.starts_on else "",
            "ends_on": policy.ends_on.isoformat() if policy.ends_on else "",
            "per_night": str(policy.per_night),
        }
        return cls(initial=initial)

    @property
    def options(self) -> dict[str, Any]:
        """Return the options of the controls."""
        return {
            "teams": [(f"team:{team.pk}", team.name, team.is_managed_by_entra) for team in matrix.teams()],
            "units": [(f"unit:{unit.pk}", unit.name) for unit in matrix.units()],
            "tables": [(table, table_label(table)) for table in TABLES],
        }

    def clean_group(self) -> tuple[str, UUID | None]:
        kind, _, key = self.cleaned_data["group"].partition(":")
        return kind, parse_uuid(key)

    def clean_tables(self) -> tuple[str, ...]:
        chosen = self.cleaned_data["tables"] or []
        return tuple(table for table in TABLES if table in chosen)

    def clean_wanted(self) -> bool:
        if self.cleaned_data["wanted"] not in ("on", "off"):
            raise forms.ValidationError("Choose on or off.")
        return bool(self.cleaned_data["wanted"] == "on")

    def clean_exceptions(self) -> tuple[str, ...]:
        text = self.cleaned_data["exceptions"]
        if not text:
            return ()
        try:
            found = targets.of_names(text)
        except NotPossible as problem:
            raise forms.ValidationError(str(problem)) from problem
        unclear = [*found.unknown, *(each.text for each in found.ambiguous)]
        if unclear:
            more = f" and {number(len(unclear) - _MAX_QUOTED)} more" if len(unclear) > _MAX_QUOTED else ""
            does = "This does" if len(unclear) == 1 else "These do"
            quoted = ", ".join(unclear[:_MAX_QUOTED])
            raise forms.ValidationError(f"{does} not match exactly one user: {quoted}{more}.")
        if found.unread:
            raise forms.ValidationError(named_users.describe_unread(found.unread))
        return tuple(str(user_id) for user_id in found.ids)

    def clean(self) -> None:
        """Build the specification; its own problems are shown beside their inputs."""
        given = self.cleaned_data
        kind, key = given.get("group", ("", None))
        self.spec = PolicySpec(
            name=given.get("name", ""),
            team_id=key if kind == "team" else None,
            unit_id=key if kind == "unit" else None,
            tables=given.get("tables", ()),
            wanted_on=given.get("wanted", False),
            exceptions=given.get("exceptions", ()),
            starts_on=given.get("starts_on"),
            ends_on=given.get("ends_on"),
            per_night=given.get("per_night", 1),
        )
        try:
            self.spec.columns()
        except InvalidPolicy as invalid:
            for field, problem in invalid.problems.items():
                self.add_error(field, problem)

    def check_group(self, policy: FilterPolicy | None = None) -> GroupCheck:
        """Return the size of the described group and the policies in conflict, without saving anything."""
        described = FilterPolicy(**self.spec.columns())
        opposing = conflicts.conflicting_policies(described, excluding=policy.pk if policy else None)
        return GroupCheck(len(groups.members_or_empty(described)), opposing)
