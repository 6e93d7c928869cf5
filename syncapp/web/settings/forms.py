"""Forms of the settings pages: inputs with errors beside them, and the focus in the first invalid one."""

from __future__ import annotations

import re
from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q

from syncapp import settings_file
from syncapp.capture import switching
from syncapp.models import CaptureIdentity, CrmUser, Person
from syncapp.models.person import Role
from syncapp.preferences import MAX_OVERDUE_HOURS, MAX_UNDO_SECONDS
from syncapp.review.rules.editing import RuleDraft
from syncapp.text.ids import parse_uuid
from syncapp.text.localization import number
from syncapp.web.base import parameters


def _text(**attributes: str) -> forms.TextInput:
    return forms.TextInput(attrs={"class": "input"} | attributes)


class SettingsForm(forms.Form):
    """A form whose inputs have their names as ids, and whose first invalid input gets the focus."""

    use_required_attribute = False

    def __init__(self, data: Any = None, files: Any = None, *, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, files, auto_id="%s", initial=initial)

    def full_clean(self) -> None:
        """Validate, then mark the invalid inputs."""
        super().full_clean()
        self._mark_errors()

    def refuse(self, place: str, message: str) -> None:
        """Add an error of the operation: to the input `place`, or to the form if it has no such input."""
        self.add_error(place if place in self.fields else None, message)
        self._mark_errors()

    def _mark_errors(self) -> None:
        invalid = [name for name in self.fields if name in self.errors]
        for name in invalid:
            attributes = self.fields[name].widget.attrs
            hint = attributes.get("aria-describedby", "").removesuffix(f"{name}_error")
            attributes["aria-describedby"] = f"{hint} {name}_error".strip()
            attributes["autofocus"] = name == invalid[0]


def _whole_number(unit: str, *, minimum: int, maximum: int, **options: Any) -> forms.IntegerField:
    message = f"Enter a whole number of {unit} from {minimum} to {number(maximum)}."
    messages = dict.fromkeys(("required", "invalid", "min_value", "max_value"), message)
    return forms.IntegerField(min_value=minimum, max_value=maximum, error_messages=messages, **options)


class DecidingForm(SettingsForm):
    """The undo window and the rules for decisions."""

    undo_seconds = _whole_number(
        "seconds",
        minimum=0,
        maximum=MAX_UNDO_SECONDS,
        required=False,
        widget=_text(**{"class": "input short", "inputmode": "numeric", "aria-describedby": "undo-hint"}),
    )
    reason_required = forms.BooleanField(required=False)
    anyone_decides_unidentified = forms.BooleanField(required=False)


class MailsForm(SettingsForm):
    """The contents of mails, and who gets them."""

    overdue_hours = _whole_number(
        "hours",
        minimum=1,
        maximum=MAX_OVERDUE_HOURS,
        widget=_text(**{"class": "input short", "inputmode": "numeric", "aria-describedby": "overdue-hint"}),
    )
    mail_values = forms.BooleanField(required=False)
    tell_editors = forms.BooleanField(required=False)
    operations_address = forms.EmailField(
        required=False,
        widget=forms.EmailInput(attrs={"class": "input", "aria-describedby": "operations-hint"}),
        error_messages={"invalid": "Enter one e-mail address, or leave it empty."},
    )


class BacklogForm(SettingsForm):
    """The switch of backlog mode: "begin" or "end"."""

    backlog = forms.CharField(required=False)

    def clean_backlog(self) -> bool:
        """Return whether backlog mode should begin."""
        return bool(self.cleaned_data["backlog"] == "begin")


class RowsForm(SettingsForm):
    """A form of repeated rows with two inputs each, which become one setting."""

    setting: str
    inputs: tuple[str, str]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._row_errors: dict[int, str] = {}

    @property
    def sent_rows(self) -> list[tuple[str, str]]:
        """Return both inputs of each row that is not blank, as sent."""
        sent: Any = self.data
        first, second = (sent.getlist(name) for name in self.inputs)
        return [row for row in zip(first, second, strict=False) if any(map(str.strip, row))]

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """Return both inputs of each row, and its error."""
        found = self.sent_rows if self.is_bound else [self.as_inputs(row) for row in self.initial[self.setting]]
        return [(*row, self._row_errors.get(index, "")) for index, row in enumerate(found)]

    @property
    def is_refused(self) -> bool:
        """Return whether the form or a row has an error."""
        return bool(self.errors or self._row_errors)

    def as_inputs(self, row: dict[str, Any]) -> tuple[str, str]:
        """Return a stored row as the values of its inputs."""
        raise NotImplementedError

    def refuse(self, place: str, message: str) -> None:
        """Add an error to the row in `place`, such as reasons[1].words, or to the form."""
        index = re.search(r"\[(\d+)\]", place)
        if index is None:
            super().refuse("", message)
        else:
            self._row_errors[int(index[1])] = message


class ReasonsForm(RowsForm):
    """The reasons for rejecting, in the order in which the pages list them. A row without words is removed."""

    setting, inputs = "reasons", ("code", "words")

    @property
    def sent_rows(self) -> list[tuple[str, str]]:
        """Return the code and the words of each row with words."""
        return [row for row in super().sent_rows if row[1].strip()]

    def as_inputs(self, row: dict[str, Any]) -> tuple[str, str]:
        """Return the code and the words of a stored reason."""
        return row["code"], row["words"]

    def clean(self) -> dict[str, Any]:
        """Return the setting, with a code for each new reason."""
        found: list[dict[str, str]] = []
        sent: Any = self.data
        sent_codes = set(sent.getlist("code"))
        for code, words in self.sent_rows:
            # A new reason's code is made from its words, and stays when the words change.
            new_code = re.sub(r"[^a-z0-9]+", "_", words.casefold()).strip("_")[:36]
            new_code = new_code if new_code[:1].isalpha() else f"reason_{new_code}".rstrip("_")
            taken = sent_codes | {row["code"] for row in found}
            candidates = (new_code, *(f"{new_code}_{number}" for number in range(2, 99)))
            unused = (each for each in candidates if each not in taken)
            found.append({"code": code or next(unused), "words": words.strip()})
        return {"reasons": found}


class GroupsForm(RowsForm):
    """The groups of fields that are decided together. An empty row is removed."""

    setting, inputs = "field_groups", ("name", "columns")

    def as_inputs(self, row: dict[str, Any]) -> tuple[str, str]:
        """Return the name of a stored group and its columns, one per line."""
        return row["name"], "\n".join(row["columns"])

    def clean(self) -> dict[str, Any]:
        """Return the setting."""
        groups = [{"name": name.strip(), "columns": re.findall(r"[^\s,;]+", names)} for name, names in self.sent_rows]
        return {"field_groups": groups}


class StopForm(SettingsForm):
    """The reason for stopping all CRM writes."""

    use_required_attribute = True
    reason = forms.CharField(
        max_length=300,
        widget=_text(),
        error_messages={"required": "Enter a reason. Everyone sees it in the banner."},
    )


class ProbeForm(SettingsForm):
    """The start of a connection check, with or without the probes that write."""

    probe = forms.BooleanField(required=False, widget=forms.HiddenInput)
    contact = forms.UUIDField(
        required=False,
        widget=_text(autocomplete="off", spellcheck="false"),
        error_messages={"invalid": "Enter the contact’s id, as in the address of its form, or leave it empty."},
    )


class CaptureLimitForm(SettingsForm):
    """The number of restores for one source in 10 minutes at which capture pauses."""

    max_restores = _whole_number(
        "restores",
        minimum=switching.MIN_LIMIT,
        maximum=switching.MAX_LIMIT,
        widget=_text(**{"class": "input short", "inputmode": "numeric", "aria-describedby": "limit-hint"}),
    )


class CaptureSwitchForm(SettingsForm):
    """Whose changes are staged and restored once a source is on: a pilot team's, or everyone's."""

    WHO = (("team", "A pilot team first"), ("everyone", "Everyone"))

    who = forms.ChoiceField(
        choices=WHO, error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose a pilot team, or everyone.")
    )
    team = forms.CharField(required=False)

    def clean_team(self) -> UUID | None:
        """Return the team's id; None for everyone."""
        if self.cleaned_data.get("who") != "team":
            return None
        team_id = parse_uuid(self.cleaned_data["team"])
        if team_id is None:
            raise ValidationError("Choose a team.")
        return team_id


class CaptureIdentityForm(SettingsForm):
    """The kind of a CRM user that capture should recognize: a signing user, or a program."""

    kind = forms.TypedChoiceField(
        choices=CaptureIdentity.Kind.choices,
        coerce=CaptureIdentity.Kind,
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose what this user is."),
    )


class PersonForm(SettingsForm):
    """A person who has not signed in yet."""

    use_required_attribute = True
    name = forms.CharField(
        max_length=200, widget=_text(), error_messages={"required": "Enter a name of 1 to 200 characters."}
    )
    address = forms.EmailField(
        widget=forms.EmailInput(attrs={"class": "input"}),
        error_messages=dict.fromkeys(("required", "invalid"), "Enter an e-mail address."),
    )
    oid = forms.UUIDField(
        widget=_text(maxlength="36", **{"aria-describedby": "oid-hint"}),
        error_messages=dict.fromkeys(
            ("required", "invalid"), "Enter the object ID from Entra, for example 1b4e28ba-2fa1-11d2-883f-0016d3cca427."
        ),
    )
    roles = forms.MultipleChoiceField(
        choices=[(role.value, role.value) for role in Role],
        error_messages=dict.fromkeys(
            ("required", "invalid_choice"), "Tick at least one role: only people with a role get mails."
        ),
    )


class NotificationsForm(SettingsForm):
    """A person's mails about new edits, time zone and formats."""

    notify = forms.ChoiceField(
        choices=Person.Notify.choices,
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose how often to send mails."),
    )
    time_zone = forms.CharField(
        required=False, widget=_text(list="zones", autocomplete="off", **{"aria-describedby": "zone-hint"})
    )
    locale = forms.CharField(required=False)


class LetterKeysForm(SettingsForm):
    """The single-letter keys of the review page."""

    letter_keys = forms.BooleanField(required=False)


class ThemeForm(SettingsForm):
    """The colors of a person's pages."""

    theme = forms.TypedChoiceField(
        choices=Person.Theme.choices,
        coerce=Person.Theme,
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose one of the themes."),
    )


class AbsenceForm(SettingsForm):
    """A person's absence and deputy."""

    absent_until = forms.CharField(
        required=False, widget=forms.DateInput(attrs={"class": "input", "type": "date"}, format="%Y-%m-%d")
    )
    deputy = forms.CharField(required=False)

    def clean_absent_until(self) -> date:
        """Return the last day of the absence."""
        day = parameters.day(self.cleaned_data["absent_until"])
        if day is None:
            raise ValidationError("Choose the last day of the absence.")
        return day

    def clean_deputy(self) -> Person | None:
        """Return the deputy."""
        text = self.cleaned_data["deputy"]
        pk = parse_uuid(text)
        deputy = Person.objects.filter(pk=pk).first() if pk else None
        if text and deputy is None:
            raise ValidationError("Choose a deputy from the list, or no one.")
        return deputy


class ListField(forms.MultipleChoiceField):
    """Several values, which the operation checks."""

    def valid_value(self, value: Any) -> bool:
        """Accept any value."""
        return True


class RuleForm(SettingsForm):
    """The conditions and the outcome of a rule. `editing.check` validates everything except the editors' names."""

    name = forms.CharField(required=False, widget=_text(maxlength="80", required="required"))
    kinds = ListField(required=False)
    columns = ListField(required=False)
    editors = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"class": "input", "rows": "3", "cols": False, "aria-describedby": "editors-hint"}),
    )
    outcome = forms.CharField(required=False)
    reason_code = forms.CharField(required=False)
    reason = forms.CharField(required=False)

    @staticmethod
    def initial_of(draft: RuleDraft) -> dict[str, Any]:
        """Return the initial values for a rule; its editors are listed one per line, by address, name or id."""
        editors = CrmUser.objects.filter(pk__in=draft.editors)
        names = {str(editor.pk): editor.address or editor.name for editor in editors}
        values = {name: getattr(draft, name) for name in RuleDraft.__slots__}
        return values | {"editors": "\n".join(names.get(each) or each for each in draft.editors)}

    def clean_editors(self) -> list[str]:
        """Return the ids of the editors, who are given by address or name, one per line."""
        ids = []
        for text in filter(None, map(str.strip, re.split(r"[\n;]", self.cleaned_data["editors"]))):
            found = CrmUser.objects.filter(Q(address__iexact=text) | Q(name__iexact=text))[:2]
            if len(found) != 1:
                count = "More than one person" if found else "No one who edited here"
                raise ValidationError(f"{count} is called “{text[:80]}”. Use the e-mail address.")
            ids.append(str(found[0].pk))
        return ids

    @property
    def draft(self) -> RuleDraft:
        """Return the validated rule."""
        return RuleDraft.from_content(self.cleaned_data)


class FileForm(SettingsForm):
    """The upload of a settings file."""

    file = forms.FileField(allow_empty_file=True, error_messages={"required": "Choose a file first."})

    def clean_file(self) -> str:
        """Return the text of the file."""
        upload = self.cleaned_data["file"]
        if upload.size > settings_file.MAX_BYTES:
            raise ValidationError(f"The file is larger than {settings_file.MAX_BYTES // 1000} kB.")
        try:
            return str(upload.read(), "utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValidationError("The file is not UTF-8 text.") from error
