"""The page of capture as an administrator opens it and presses its buttons."""

from __future__ import annotations

from typing import Any

from syncapp.models import Capture, CaptureSource, Person
from syncapp.models.capture.entry import Source
from syncapp.models.capture.settings import CaptureMode
from syncapp.models.person import Role
from tests.capture.switches import now
from tests.support.people import ada, browser, make_person
from tests.support.screen import Screen

URL = "/settings/capture/"


def page(path: str = "", **query: str) -> Screen:
    return Screen(browser(ada()).get(URL + path, query))


def press(path: str, *, by: Person | None = None, **controls: str) -> Screen:
    return Screen(browser(by or ada()).post(URL + path, controls, follow=True))


def set_mode(mode: CaptureMode, **columns: Any) -> None:
    Capture.objects.update(mode=mode, mode_since=now(minutes=3), mode_by=ada(), **columns)


def switch_on(**columns: Any) -> None:
    CaptureSource.objects.create(source=Source.OUTLOOK, is_on=True, since=now(hours=1), switched_by=ada(), **columns)
    set_mode(CaptureMode.RESTORING)


def anna() -> Person:
    """Return another administrator."""
    return make_person("Anna", Role.ADMINISTRATOR)
