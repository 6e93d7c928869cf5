"""The reader's time zone and formats: their own choice, or the browser's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote

from django.http import HttpRequest
from django.utils import timezone

from syncapp.accounts import people
from syncapp.models import Person
from syncapp.text import localization
from syncapp.text.time_zones import UTC, zone_of

COOKIE = "browser_zone"  # written by zone.js


@contextmanager
def activate_formats(request: HttpRequest) -> Iterator[None]:
    """Activate the reader's time zone and formats; a person who has none yet adopts the browser's."""
    person = request.user if isinstance(request.user, Person) else None
    locale = localization.from_accept_language(request.headers.get("Accept-Language", ""))
    if person is not None and not (person.has_time_zone and person.locale):
        people.learn_from_browser(person, time_zone=unquote(request.COOKIES.get(COOKIE, "")), locale=locale)
    zone = zone_of(person.time_zone if person else UTC)
    with timezone.override(zone), localization.override(person.locale if person else locale):
        yield
