"""The matrix's search and filters as its address carries them: a form to read them, and back into an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms

from syncapp.models.sync_filters.tables import Cell, Group
from syncapp.models.sync_filters.user import Cause, SyncPaths
from syncapp.sync_filters.inventory import matrix
from syncapp.sync_filters.inventory.matrix import UserCriteria

_MAX_SEARCHED = 200
_METHODS = [("1", "Server-side"), ("0", "Outlook"), ("2", "None")]
# Name, label, chosen value and options of a filter.
FilterOption = tuple[str, str, str, list[tuple[str, str]]]


def _choice(label: str, choices: Any, coerce: Any) -> forms.TypedChoiceField:
    return forms.TypedChoiceField(label=label, choices=choices, coerce=coerce, empty_value=None, required=False)


class MatrixForm(forms.Form):
    """The search and the filters of the matrix, and the open cell. An invalid value counts as not given."""

    q = forms.CharField(required=False)
    team = forms.UUIDField(label="Team", required=False)
    state = _choice("Appointments", Cell.choices, Cell)
    mailbox = _choice("Mailbox", _METHODS, int)
    risk = _choice("Appointments reach Outlook", SyncPaths.choices, SyncPaths)
    cause = _choice("Because of", Cause.choices, Cause)
    unit = forms.UUIDField(label="Business unit", required=False)
    list = forms.UUIDField(label="Saved list", required=False)
    group = _choice("", Group.choices, Group)
    after = forms.UUIDField(required=False)
    user = forms.UUIDField(required=False)


@dataclass(frozen=True)
class MatrixParams:
    """The parameters of one view of the matrix: who is shown, from which user on, and whose cell is open."""

    criteria: UserCriteria
    after: UUID | None = None
    user: UUID | None = None
    group: Group = Group.APPOINTMENTS

    @classmethod
    def read(cls, query: Mapping[str, str]) -> MatrixParams:
        """Read the parameters of an address."""
        form = MatrixForm(query)
        form.is_valid()
        given = form.cleaned_data
        criteria = UserCriteria(
            search=given.get("q", "")[:_MAX_SEARCHED],
            team=given.get("team"),
            cell=given.get("state"),
            method=given.get("mailbox"),
            paths=given.get("risk"),
            cause=given.get("cause"),
            unit=given.get("unit"),
            listed=given.get("list"),
        )
        return cls(criteria, given.get("after"), given.get("user"), given.get("group") or Group.APPOINTMENTS)

    @property
    def parameters(self) -> dict[str, str]:
        """Return the search and the filters in use, by name."""
        by = self.criteria
        values = {
            "q": by.search,
            "team": str(by.team or ""),
            "state": by.cell.value if by.cell else "",
            "mailbox": "" if by.method is None else str(by.method),
            "risk": by.paths.value if by.paths else "",
            "cause": by.cause.value if by.cause else "",
            "unit": str(by.unit or ""),
            "list": str(by.listed or ""),
        }
        return {name: value for name, value in values.items() if value}

    @property
    def is_filtered(self) -> bool:
        """Return whether a filter is in use besides the search."""
        return bool(self.parameters.keys() - {"q"})

    def query(self, **more: object) -> str:
        """Return the query string with these additions, '' or beginning with a question mark."""
        return _query_string(self.parameters | {name: str(value) for name, value in more.items() if value})

    def without(self, name: str) -> str:
        """Return the query string without one of the filters."""
        return _query_string({other: value for other, value in self.parameters.items() if other != name})

    def filter_options(self) -> list[FilterOption]:
        """Return each filter with its options, for the filter bar."""
        options = {
            "team": [(str(team.pk), team.name) for team in matrix.teams()],
            "unit": [(str(unit.pk), unit.name) for unit in matrix.units()],
            "list": [(str(each.pk), each.name) for each in matrix.user_lists()],
        }
        found = []
        for name in ("team", "state", "mailbox", "risk", "cause", "unit", "list"):
            field: Any = MatrixForm.base_fields[name]
            choices = options[name] if name in options else list(field.choices)
            found.append((name, field.label, self.parameters.get(name, ""), choices))
        return found


def _query_string(values: Mapping[str, str]) -> str:
    return f"?{urlencode(values)}" if values else ""
