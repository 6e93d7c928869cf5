"""What an address asks of the audit trail, and back: the filters of activity, export and evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils import timezone

from syncapp.activity import audit_log
from syncapp.activity.audit_log import Asked
from syncapp.mirror import columns
from syncapp.models import CrmUser, Person, SyncRecord
from syncapp.models.audit import Area, area_of
from syncapp.models.folding import by_name, search_key
from syncapp.review.diff.presentation import format_day
from syncapp.text.ids import parse_uuid
from syncapp.web.activity import words
from syncapp.web.base import parameters

THE_PORTAL = "portal"
LONGEST_SEARCH = 200
# The period's word in the address ─▶ its words, and how many days it goes back, today included.
PERIODS = {"today": ("Today", 1), "7d": ("Last 7 days", 7), "30d": ("Last 30 days", 30), "90d": ("Last 90 days", 90)}
NAMES = ("area", "what", "person", "via", "field", "contact", "editor", "q", "period", "from", "to")
OF_EDITS = ("area", "field", "contact", "editor", "q")
Option = tuple[str, str, bool]


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is set, in words, and the address without it."""

    words: str
    without: str


class ParamsView:
    """The filters of one request; what the template does not show is not read."""

    def __init__(self, asked: QueryDict, *, only: str = "") -> None:
        """`only`: the one area that this reader may see; what asks for edits of contacts is then not heard."""
        names = [name for name in NAMES if not only or name not in OF_EDITS]
        self.only, self.said = only, dict.fromkeys(NAMES, "")
        self.said |= {name: asked.get(name, "").strip()[:LONGEST_SEARCH] for name in names}
        self.before = parameters.whole_number(asked.get("before", ""))

    @cached_property
    def asked(self) -> Asked:
        """The same for the trail. What makes no sense filters nothing."""
        said = self.said
        return Asked(
            area=self.only or (said["area"] if said["area"] in Area.values else ""),
            action=said["what"],
            person=parse_uuid(said["person"]),
            by_portal=said["person"] == THE_PORTAL,
            channel=said["via"],
            column=said["field"],
            contact=parse_uuid(said["contact"]),
            editor=parse_uuid(said["editor"]),
            name=said["q"],
            since=self._start_of(self.first_day),
            until=self._start_of(self.last_day + timedelta(days=1)) if self.last_day else None,
        )

    @cached_property
    def first_day(self) -> date | None:
        """The first day of the period; two dates win over a word."""
        if self.has_dates or self.said["period"] not in PERIODS:
            return parameters.day(self.said["from"])
        return timezone.localdate() - timedelta(days=PERIODS[self.said["period"]][1] - 1)

    @cached_property
    def last_day(self) -> date | None:
        return parameters.day(self.said["to"])

    @property
    def has_dates(self) -> bool:
        return bool(parameters.day(self.said["from"]) or parameters.day(self.said["to"]))

    @staticmethod
    def _start_of(day: date | None) -> datetime | None:
        return timezone.make_aware(datetime.combine(day, time())) if day else None

    # --- the filters as controls ------------------------------------------------------------------------
    @cached_property
    def areas(self) -> list[tuple[str, str, str]]:
        """The tabs: value, words, address."""
        areas = [("", "Everything"), *Area.choices]
        return [(value, label, self.query(area=value)) for value, label in areas if not self.only or value == self.only]

    @cached_property
    def people(self) -> list[Option]:
        named = [(str(person.pk), person.name) for person in by_name(Person.objects.only("name"))]
        return self._options("person", [("", "Anyone"), *named, (THE_PORTAL, "The portal itself")])

    @cached_property
    def channels(self) -> list[Option]:
        return self._known("via", "From anywhere", "channel", words.channel)

    @cached_property
    def actions(self) -> list[Option]:
        return self._known("what", "Anything", "action", words.choice)

    @cached_property
    def fields(self) -> list[Option]:
        labels = columns.labels("contact")
        return self._known("field", "Any field", "column_name", lambda name: labels.get(name, name))

    @cached_property
    def periods(self) -> list[Option]:
        chosen = "" if self.has_dates else self.said["period"]
        found = [
            ("", "These dates" if self.has_dates else "Any time"),
            *((key, said) for key, (said, _) in PERIODS.items()),
        ]
        return [(key, said, key == chosen) for key, said in found]

    def _known(self, name: str, anything: str, column: str, spoken: Callable[[str], str]) -> list[Option]:
        known = [word for word in audit_log.known(column) if column != "action" or self.only in ("", area_of(word))]
        found = sorted(((word, spoken(word)) for word in known), key=lambda pair: search_key(pair[1]))
        return self._options(name, [("", anything), *found])

    def _options(self, name: str, pairs: list[tuple[str, str]]) -> list[Option]:
        return [(value, said, value == self.said[name]) for value, said in pairs]

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What the form has no control for, and keeps."""
        return [(name, self.said[name]) for name in ("area", "contact", "editor") if self.said[name]]

    # --- the filters as words ---------------------------------------------------------------------------
    @cached_property
    def chips(self) -> list[Chip]:
        """The filters that are set, apart from the tab."""
        return [Chip(said, self.query(**without)) for said, without in self._set_filters()]

    def _set_filters(self) -> list[tuple[str, dict[str, str]]]:
        asked, found = self.asked, []
        if asked.person or asked.by_portal:
            found.append((f"by {self.person_name}", {"person": ""}))
        if asked.action:
            found.append((words.choice(asked.action).lower(), {"what": ""}))
        if asked.column:
            found.append((f"field {columns.label('contact', asked.column)}", {"field": ""}))
        if asked.channel:
            found.append((f"from {words.channel(asked.channel)}", {"via": ""}))
        if asked.contact:
            found.append((f"contact {self.contact_name}", {"contact": ""}))
        if asked.editor:
            found.append((f"edited by {self.editor_name}", {"editor": ""}))
        if asked.name:
            found.append((f"search “{asked.name}”", {"q": ""}))
        if self.period_words:
            found.append((self.period_words, {"period": "", "from": "", "to": ""}))
        return found

    @cached_property
    def person_name(self) -> str:
        person = Person.objects.filter(pk=self.asked.person).first() if self.asked.person else None
        return person.name if person else "the portal itself" if self.asked.by_portal else "somebody unknown"

    @cached_property
    def contact_name(self) -> str:
        """The contact's name in its newest edit."""
        edits = SyncRecord.objects.filter(target_id=self.asked.contact).exclude(name="")
        return edits.order_by("-edited_on").values_list("name", flat=True).first() or "that is not known here"

    @cached_property
    def editor_name(self) -> str:
        editor = CrmUser.objects.filter(pk=self.asked.editor).first() if self.asked.editor else None
        return editor.name if editor else "somebody unknown"

    @property
    def period_words(self) -> str:
        """From when to when, '' for any time."""
        if not self.has_dates:
            return PERIODS[self.said["period"]][0].lower() if self.said["period"] in PERIODS else ""
        first, last = (format_day(day) if day else "" for day in (self.first_day, self.last_day))
        if first == last:
            return f"on {first}"
        return " ".join(filter(None, [first and f"from {first}", last and f"until {last}"]))

    # --- the filters as an address ----------------------------------------------------------------------
    def query(self, **changed: Any) -> str:
        """The query string of these filters with some of them changed; '' for none."""
        said: Mapping[str, Any] = {**self.said, **changed}
        kept = {name: str(value) for name, value in said.items() if value}
        return f"?{urlencode(kept)}" if kept else ""

    @property
    def here(self) -> str:
        """These filters as they are."""
        return self.query()
