"""The query string of activity, export and evidence: a search form, and its filters as controls, words and links."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils import timezone

from syncapp.activity import audit_log
from syncapp.activity.audit_log import AuditFilter
from syncapp.mirror import columns
from syncapp.models import CrmUser, Person, SyncRecord
from syncapp.models.audit import Area, area_of
from syncapp.models.folding import by_name, search_key
from syncapp.review.diff.presentation import format_day
from syncapp.text.ids import parse_uuid
from syncapp.web.activity import words
from syncapp.web.base import parameters

PORTAL = "portal"
MAX_SEARCH = 200
# Value in the query string ─▶ words, number of days including today.
PERIODS = {"today": ("Today", 1), "7d": ("Last 7 days", 7), "30d": ("Last 30 days", 30), "90d": ("Last 90 days", 90)}
NAMES = ("area", "what", "person", "via", "field", "contact", "editor", "q", "period", "from", "to", "lines")
EDIT_FILTERS = ("area", "field", "contact", "editor", "q")
Option = tuple[str, str, bool]


class DayField(forms.CharField):
    """An ISO date; the cleaned value is the date, or None."""

    def clean(self, value: Any) -> date | None:
        """Return the date. Raises ValidationError."""
        text = super().clean(value)
        day = parameters.day(text)
        if text and day is None:
            raise ValidationError("Enter a date.")
        return day


class SearchForm(forms.Form):
    """The filters of the audit log. An invalid value filters nothing."""

    area = forms.ChoiceField(choices=Area.choices, required=False)
    period = forms.ChoiceField(choices=[(value, label) for value, (label, _) in PERIODS.items()], required=False)

    def __init__(self, params: QueryDict, *, hidden: tuple[str, ...] = ()) -> None:
        """Read `params` without the `hidden` names, which this reader may not search for."""
        super().__init__({name: params.get(name, "").strip()[:MAX_SEARCH] for name in NAMES if name not in hidden})
        for name in ("what", "person", "via", "field", "contact", "editor", "q"):
            self.fields[name] = forms.CharField(required=False)
        self.fields |= {"from": DayField(required=False), "to": DayField(required=False)}


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is set, in words, and the query string without it."""

    words: str
    query_without: str


class ParamsView:
    """The filters of one request, as the templates need them; each query runs only if its value is used."""

    def __init__(self, params: QueryDict, *, only_area: str = "") -> None:
        """Read the query string. With `only_area`, show only that area, and hide the filters for edits."""
        self.only_area = only_area
        self.form = SearchForm(params, hidden=EDIT_FILTERS if only_area else ())
        self.form.full_clean()
        self.values: dict[str, str] = dict.fromkeys(NAMES, "") | {name: str(v) for name, v in self.form.data.items()}
        self.before = parameters.whole_number(params.get("before", ""))
        self.opened = parameters.whole_number(params.get("open", ""))

    @cached_property
    def filter(self) -> AuditFilter:
        """Return the filters of the audit log."""
        cleaned = self.form.cleaned_data
        person = cleaned["person"]
        return AuditFilter(
            area=self.only_area or cleaned.get("area", ""),
            action=cleaned["what"],
            person=parse_uuid(person),
            by_portal=person == PORTAL,
            channel=cleaned["via"],
            column=cleaned["field"],
            contact=parse_uuid(cleaned["contact"]),
            editor=parse_uuid(cleaned["editor"]),
            name=cleaned["q"],
            since=self._start_of(self.first_day),
            until=self._start_of(self.last_day + timedelta(days=1)) if self.last_day else None,
        )

    @property
    def period(self) -> str:
        """Return the selected period, '' if dates were entered, which take precedence."""
        return "" if self.has_dates else self.form.cleaned_data.get("period", "")

    @property
    def has_dates(self) -> bool:
        cleaned = self.form.cleaned_data
        return bool(cleaned.get("from") or cleaned.get("to"))

    @cached_property
    def first_day(self) -> date | None:
        if self.period:
            return timezone.localdate() - timedelta(days=PERIODS[self.period][1] - 1)
        first: date | None = self.form.cleaned_data.get("from")
        return first

    @cached_property
    def last_day(self) -> date | None:
        last: date | None = self.form.cleaned_data.get("to")
        return last

    @staticmethod
    def _start_of(day: date | None) -> datetime | None:
        return timezone.make_aware(datetime.combine(day, time())) if day else None

    # --- the filters as controls ------------------------------------------------------------------------
    @cached_property
    def areas(self) -> list[tuple[str, str, str]]:
        """Return the tabs: value, label, address."""
        areas = [("", "Everything"), *Area.choices]
        return [
            (value, label, self.query(area=value))
            for value, label in areas
            if not self.only_area or value == self.only_area
        ]

    @cached_property
    def people(self) -> list[Option]:
        named = [(str(person.pk), person.name) for person in by_name(Person.objects.only("name"))]
        return self._options("person", [("", "Anyone"), *named, (PORTAL, "Portal")])

    @cached_property
    def channels(self) -> list[Option]:
        return self._used_options("via", "Any origin", "channel", words.channel)

    @cached_property
    def actions(self) -> list[Option]:
        return self._used_options("what", "Any action", "action", words.choice_label)

    @cached_property
    def fields(self) -> list[Option]:
        labels = columns.labels("contact")
        return self._used_options("field", "Any field", "column_name", lambda name: labels.get(name, name))

    @cached_property
    def periods(self) -> list[Option]:
        options = [("", "Selected dates" if self.has_dates else "Any time")]
        options += [(value, label) for value, (label, _) in PERIODS.items()]
        return [(value, label, value == self.period) for value, label in options]

    def _used_options(self, name: str, any_label: str, column: str, describe: Callable[[str], str]) -> list[Option]:
        """Return an option for each value that occurs in the log."""
        values = audit_log.distinct_values(column)
        if self.only_area and column == "action":
            values = [value for value in values if area_of(value) == self.only_area]
        described = sorted(((value, describe(value)) for value in values), key=lambda pair: search_key(pair[1]))
        return self._options(name, [("", any_label), *described])

    def _options(self, name: str, pairs: list[tuple[str, str]]) -> list[Option]:
        return [(value, label, value == self.values[name]) for value, label in pairs]

    @property
    def hidden_inputs(self) -> list[tuple[str, str]]:
        """Return the filters that have no control; the form preserves them as hidden inputs."""
        return [(name, self.values[name]) for name in ("area", "contact", "editor", "lines") if self.values[name]]

    # --- the filters as words ---------------------------------------------------------------------------
    @cached_property
    def chips(self) -> list[Chip]:
        """Return the filters that are set, apart from the tab."""
        conditions, found = self.filter, []
        if conditions.person or conditions.by_portal:
            found.append(Chip(f"by {self.person_name}", self.query(person="")))
        if conditions.action:
            found.append(Chip(words.choice_label(conditions.action).lower(), self.query(what="")))
        if conditions.column:
            found.append(Chip(f"field {columns.label('contact', conditions.column)}", self.query(field="")))
        if conditions.channel:
            found.append(Chip(f"from {words.channel(conditions.channel)}", self.query(via="")))
        if conditions.contact:
            found.append(Chip(f"contact {self.contact_name}", self.query(contact="")))
        if conditions.editor:
            found.append(Chip(f"edited by {self.editor_name}", self.query(editor="")))
        if conditions.name:
            found.append(Chip(f"search “{conditions.name}”", self.query(q="")))
        if self.period_words:
            found.append(Chip(self.period_words, self.query(**{"period": "", "from": "", "to": ""})))
        return found

    @cached_property
    def person_name(self) -> str:
        person = Person.objects.filter(pk=self.filter.person).first() if self.filter.person else None
        if person is not None:
            return person.name
        return "the portal" if self.filter.by_portal else "an unknown person"

    @cached_property
    def contact_name(self) -> str:
        """Return the contact's name in its newest edit, or words for the search if it has none."""
        edits = SyncRecord.objects.filter(target_id=self.filter.contact).exclude(name="")
        return edits.order_by("-edited_on").values_list("name", flat=True).first() or "without known edits"

    @cached_property
    def editor_name(self) -> str:
        editor = CrmUser.objects.filter(pk=self.filter.editor).first() if self.filter.editor else None
        return editor.name if editor else "an unknown editor"

    @property
    def period_words(self) -> str:
        """Return the period in words, '' for any time."""
        if not self.has_dates:
            return PERIODS[self.period][0].lower() if self.period else ""
        first, last = (format_day(day) if day else "" for day in (self.first_day, self.last_day))
        if first == last:
            return f"on {first}"
        return " ".join(filter(None, [first and f"from {first}", last and f"until {last}"]))

    # --- the filters as an address ----------------------------------------------------------------------
    def query(self, **changed: Any) -> str:
        """Return the query string of these filters with some of them changed; '' if none is set."""
        values: Mapping[str, Any] = {**self.values, **changed}
        kept = {name: str(value) for name, value in values.items() if value}
        return f"?{urlencode(kept)}" if kept else ""

    @property
    def current_query(self) -> str:
        """Return the query string of these filters."""
        return self.query()
