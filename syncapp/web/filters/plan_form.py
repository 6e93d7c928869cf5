"""Forms for runs: targets, desired state and options of a new run, and the options of a start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast
from uuid import UUID

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from syncapp.crm.directory.records import SyncMethod
from syncapp.models import FilterRun
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES
from syncapp.sync_filters.errors import NotPossible
from syncapp.sync_filters.inventory import matrix, user_lists
from syncapp.sync_filters.runs import targets
from syncapp.sync_filters.runs.creation import MAX_USERS, RunSpec
from syncapp.sync_filters.runs.targets import Targets
from syncapp.sync_filters.runs.transitions import StartOptions
from syncapp.text import localization
from syncapp.text.ids import parse_uuid
from syncapp.text.localization import number
from syncapp.web.base import local_time
from syncapp.web.filters.matrix_form import MatrixParams

# The options of the tables' control: label and tables. Each kind of appointment can also be chosen separately.
TABLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "appointments": ("Appointments, all three tables", APPOINTMENT_TABLES),
    "appointment": ("Appointment", ("appointment",)),
    "serviceappointment": ("Service activity", ("serviceappointment",)),
    "recurringappointmentmaster": ("Recurring appointment", ("recurringappointmentmaster",)),
    "contacts": ("Contacts", ("contact",)),
    "tasks": ("Tasks", ("task",)),
    "other": ("Other: phone calls, letters, faxes", ("phonecall", "letter", "fax")),
}
METHODS = {f"method-{method.value}": method for method in SyncMethod}
# How to find the users of a group, and what to say if none is chosen.
_GROUPS: dict[str, tuple[Callable[[UUID], Targets], str]] = {
    "team": (targets.of_team, "Choose a team."),
    "unit": (targets.of_unit, "Choose a business unit."),
    "list": (targets.of_list, "Choose a saved list."),
}
MAX_PERCENT = 100
MAX_BYTES = 2_000_000


class PageForm(forms.Form):
    """A form that names its first invalid input, for the focus, and all problems, for the notice above it."""

    @property
    def first_invalid(self) -> str:
        return next((name for name in self.fields if name in self.errors), "")

    @property
    def problem(self) -> str:
        return " ".join(str(problem) for problems in self.errors.values() for problem in problems)


class WholeNumberField(forms.CharField):
    """A whole number as the reader's locale writes it, within limits; `empty_number` if nothing is typed."""

    def __init__(self, label: str, *, minimum: int = 0, maximum: int, empty_number: int = 0) -> None:
        super().__init__(label=label, required=False)
        self.minimum, self.maximum, self.empty_number = minimum, maximum, empty_number

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return self.empty_number
        try:
            found = localization.parse_whole_number(text)
        except localization.Unreadable:
            found = self.minimum - 1
        if not self.minimum <= found <= self.maximum:
            limits = f"from {number(self.minimum)} to {number(self.maximum)}"
            raise forms.ValidationError(f"{self.label}: enter a whole number {limits}.")
        return found


class StartField(forms.CharField):
    """A future moment in the reader's time zone; None if nothing is typed."""

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            found = parse_datetime(text)
            when = found if found is None or timezone.is_aware(found) else local_time.instant(found)
        except local_time.NonexistentTime as problem:
            raise forms.ValidationError(str(problem)) from problem
        except local_time.AmbiguousTime as problem:
            raise forms.ValidationError(f"{problem} Choose an earlier or a later hour.") from problem
        except (ValueError, OverflowError):
            when = None
        if when is None:
            raise forms.ValidationError("Enter a date and a time, for example 2026-12-01 06:00.")
        if when <= timezone.now():
            raise forms.ValidationError("This time has passed. Choose a later time, or leave it empty.")
        return when


class StartForm(PageForm):
    """The options of a start: reason, change number, pilot and start time."""

    reason = forms.CharField(required=False)
    change_number = forms.CharField(required=False)
    pilot = WholeNumberField("Users in the pilot", maximum=MAX_USERS)
    starts = StartField(required=False)

    def valid_options(self, run: FilterRun) -> StartOptions:
        """Return the options; the run keeps its value of an option that is missing from the form or invalid."""
        values = {
            name: self.cleaned_data[name] for name in self.fields if name in self.data and name not in self.errors
        }
        return StartOptions(
            values.get("reason", run.reason),
            values.get("change_number", run.change_number),
            values.get("pilot", run.pilot),
            values.get("starts", run.starts_at),
        )

    def value(self, name: str) -> Any:
        """Return the value of one field. Raises NotPossible."""
        if name in self.errors:
            raise NotPossible(self.errors[name][0])
        return self.cleaned_data[name]


class PlanForm(StartForm):
    """The form of a new run; once it is valid, `targets` and `spec` say what to create.

    `user` holds the ids of the ticked users, `shown` the query string of the matrix; `without` leaves out unmatched
    entries.
    """

    source = forms.CharField(required=False)
    user = forms.Field(required=False, widget=forms.MultipleHiddenInput)
    shown = forms.CharField(required=False)
    team = forms.CharField(required=False)
    unit = forms.CharField(required=False)
    list = forms.CharField(required=False)
    names = forms.CharField(required=False)
    file = forms.FileField(required=False, allow_empty_file=True)
    want = forms.CharField(required=False)
    tables = forms.CharField(required=False)
    stop = WholeNumberField("Pause above", maximum=MAX_PERCENT, empty_number=5)
    without = forms.BooleanField(required=False)

    field_order = (
        "source",
        "team",
        "unit",
        "list",
        "names",
        "want",
        "tables",
        "reason",
        "change_number",
        "pilot",
        "stop",
    )

    targets: Targets | None = None
    spec: RunSpec

    @classmethod
    def prefilled(cls, query: QueryDict, post: QueryDict) -> PlanForm:
        """Return an unsubmitted form with the choices of a link or of the matrix's selection."""
        users = post.getlist("user") or query.getlist("user")
        shown = MatrixParams.read(query).query().lstrip("?")
        all_shown = "all" in post or (bool(shown) and not users)
        tables = post.get("tables") or query.get("tables", "")
        initial = {
            "source": "shown" if all_shown else "ticked" if users else "team",
            "user": users,
            "shown": shown,
            "want": post.get("want") or query.get("want", ""),
            "tables": tables if tables in TABLES else "appointments",
            "stop": "5",
        }
        return cls(initial=initial)

    def ticked_ids(self) -> Sequence[UUID]:
        """Return the ids of the ticked users; anything else is left out."""
        return ticked_ids(self["user"].value() or [])

    def clean(self) -> None:
        self._read_file()
        self._find_targets()
        given = self.cleaned_data
        want, tables, method = given["want"], given["tables"], METHODS.get(given["want"])
        if method is None and want not in ("on", "off"):
            self.add_error("want", "Choose the result: filters on or off, or a synchronization method.")
        elif method is None and tables not in TABLES:
            self.add_error("tables", "Choose the tables.")
        if self.errors or self.targets is None:
            return
        self.spec = RunSpec(
            tables=TABLES[tables][1] if method is None else (),
            on=want == "on",
            method=None if method is None else method.value,
            words=self.targets.words,
            reason=given["reason"],
            change_number=given["change_number"],
            pilot=given["pilot"],
            stop_above_percent=given["stop"],
            starts_at=given["starts"],
        )

    def _read_file(self) -> None:
        """Put the text of an uploaded file into the field for names, where it stays if the form is shown again."""
        upload: UploadedFile[Any] | None = self.cleaned_data.get("file")
        if upload is None:
            return
        content = upload.read(MAX_BYTES + 1)
        if not content:
            return
        try:
            if len(content) > MAX_BYTES:
                raise NotPossible(f"The file is larger than {MAX_BYTES // 1_000_000} MB.")
            text = user_lists.read_text(content)
        except NotPossible as problem:
            self.add_error("names", str(problem))
            return
        data = cast(QueryDict, self.data).copy()
        data["names"], data["source"] = text, "names"
        self.data = data
        self.cleaned_data |= {"names": text.strip(), "source": "names"}

    def _find_targets(self) -> None:
        """Find the users of the chosen source; show an error beside the input that names them."""
        if "names" in self.errors:
            return
        given, source = self.cleaned_data, self.cleaned_data["source"]
        place = source if source in ("names", *_GROUPS) else "source"
        try:
            if source in ("ticked", "shown"):
                params, is_all = MatrixParams.read(QueryDict(given["shown"])), source == "shown"
                ids = matrix.user_ids(params.criteria) if is_all else self.ticked_ids()
                found = targets.of_ids(ids, params.describe_selection(is_all=is_all))
            elif source == "names":
                if len(given["names"].encode()) > MAX_BYTES:
                    limit = MAX_BYTES // 1_000_000
                    raise NotPossible(f"The text is larger than {limit} MB. Save it as a list and choose that.")
                found = targets.of_names(given["names"])
            elif source in _GROUPS:
                find, if_missing = _GROUPS[source]
                key = parse_uuid(given[source])
                if key is None:
                    raise NotPossible(if_missing)
                found = find(key)
            else:
                raise NotPossible("Choose who the run is for.")
        except NotPossible as problem:
            self.add_error(place, str(problem))
            return
        if not found.ids and not found.left_out:
            self.add_error(place, "It contains no users. Choose another one.")
        elif not found.ids:
            first = f" {found.unread[0]}" if found.unread else ""
            self.add_error(place, f"No entry is the address, login or full name of a user in the CRM.{first}")
        elif len(found.ids) > MAX_USERS:
            self.add_error(place, f"A run can have at most {number(MAX_USERS)} users.")
        else:
            self.targets = found
            if found.left_out and not given["without"]:
                self.add_error("names", "Not every entry matches one user. Check the entries left out.")


def ticked_ids(values: list[str]) -> list[UUID]:
    """Return the ids among the values of ticked rows."""
    return [key for key in map(parse_uuid, values) if key]
