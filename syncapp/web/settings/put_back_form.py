"""The form of a put-back plan."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from syncapp.capture.put_back.planning import Range
from syncapp.models.capture.entry import Source
from syncapp.web.base import local_time
from syncapp.web.settings.forms import SettingsForm

SOURCES = [(each.value, each.label) for each in Source if each is not Source.OURS]


class _MomentField(forms.CharField):
    """A date and time in the reader's zone; for a time that occurs twice, `fold` says which one is meant."""

    def __init__(self, *, fold: str, **options: Any) -> None:
        attributes = {"type": "datetime-local", "class": "input", "step": "1"}
        super().__init__(widget=forms.TextInput(attrs=attributes), **options)
        self._fold = fold

    def clean(self, value: Any) -> datetime:
        """Return the instant. Raises ValidationError."""
        text = super().clean(value)
        try:
            return local_time.instant(datetime.fromisoformat(text).replace(tzinfo=None), self._fold).astimezone(UTC)
        except local_time.NonexistentTime as error:
            raise ValidationError(str(error)) from error
        except (ValueError, OverflowError) as error:
            raise ValidationError("Enter a date and a time.") from error


class PutBackForm(SettingsForm):
    """The time range of a plan, and optionally one source and one column."""

    begins_at = _MomentField(fold="0", error_messages={"required": "Enter a date and a time."})
    ends_at = _MomentField(fold="1", error_messages={"required": "Enter a date and a time."})
    source = forms.ChoiceField(choices=[("", "Any source"), *SOURCES], required=False)
    column = forms.ChoiceField(required=False)

    def __init__(self, data: Any = None, *, labels: Mapping[str, str]) -> None:
        # The default end includes restores of the current minute.
        now = timezone.now().replace(second=0, microsecond=0) + timedelta(minutes=1)
        defaults = {"begins_at": now - timedelta(days=1), "ends_at": now}
        super().__init__(data, initial={name: local_time.input_value(when) for name, when in defaults.items()})
        by_label = sorted(labels.items(), key=lambda pair: pair[1].casefold())
        self.fields["column"] = forms.ChoiceField(choices=[("", "Any field"), *by_label], required=False)

    @property
    def selected_range(self) -> Range:
        """Return the time range, the source and the column, once the form is valid."""
        return Range(**self.cleaned_data)
