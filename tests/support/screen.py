"""A page without JavaScript: its text, and its forms with their values."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # this module may be used without Django's settings
    from django.http import HttpResponse
    from django.test import Client

    from syncapp.models import SyncField, SyncRecord

SILENT_TAGS = {"script", "style", "template", "title", "symbol"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.sent: dict[str, list[str]] = {}
        self.buttons: dict[str, str] = {}
        self.attributes: list[tuple[str, dict[str, str]]] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.attributes.append((tag, found))
        self._silent += tag in SILENT_TAGS
        if tag == "button" and "name" in found:
            self.buttons[f"{found['name']}={found.get('value', '')}"] = found.get("formaction", "")
        if tag == "input" and "name" in found and self._is_sent(found):
            self.sent.setdefault(found["name"], []).append(found.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in SILENT_TAGS

    def handle_data(self, data: str) -> None:
        if self._silent <= 0:
            self.text.append(data)

    @staticmethod
    def _is_sent(found: dict[str, str]) -> bool:
        return found.get("type") not in ("checkbox", "radio") or "checked" in found


class Screen:
    """A parsed response."""

    def __init__(self, response: HttpResponse) -> None:
        self.response = response
        self.status = response.status_code
        self.html = response.content.decode()
        self.source = text(response, response.status_code)
        reader = _Reader()
        reader.feed(self.html)
        self.words = re.sub(r"\s+", " ", "".join(reader.text)).strip()
        self.form = {name: list(values) for name, values in reader.sent.items()}
        self.buttons = reader.buttons
        self.tags = reader.attributes

    def offers(self, button: str) -> bool:
        """Return whether there is a button that sends `name=value`."""
        return button in self.buttons

    def input(self, name: str) -> str:
        """Return the value of an input."""
        return self.form[name][0]

    def is_checked(self, name: str, value: str) -> bool:
        """Return whether a checkbox or radio button is set."""
        return value in self.form.get(name, [])


def text(answer: HttpResponse, status: int = 200) -> str:
    """Return the source with single spaces, and none before the end of a tag."""
    assert answer.status_code == status, answer
    return re.sub(r" (/?>)", r"\1", " ".join(answer.content.decode().split()))


def opened(client: Client, record: SyncRecord, query: str = "", **headers: str) -> Screen:
    """Open the page of an edit."""
    return Screen(client.get(f"/review/{record.pk}/{query}", headers=headers))


def pressed(client: Client, screen: Screen, record: SyncRecord, button: str, **typed: str | list[str]) -> Screen:
    """Submit this screen's form with a button, and follow redirects."""
    name, _, value = button.partition("=")
    path = screen.buttons.get(button) or f"/review/{record.pk}/decide"
    body = screen.form | {key.replace("__", "."): text for key, text in typed.items()} | {name: value}
    return Screen(client.post(path, body, follow=True))


def on(field: SyncField, name: str) -> str:
    """Return the name of a control of a field."""
    return f"{name}.{field.pk}"
