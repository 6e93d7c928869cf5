"""Help, the version number, and the theme on every page."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from pytest_django import Settings

from syncapp.models import AuditEntry, Person
from tests.support.people import ada, browser, fred, rita
from tests.support.screen import Screen

pytestmark = pytest.mark.django_db
VERSION = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]["version"]


def page(address: str, person: Person | None = None) -> Screen:
    return Screen(browser(person or rita()).get(address))


@pytest.mark.parametrize("address", ["/review/", "/activity/", "/settings/me", "/help/"])
def test_pages_show_help_and_version(address: str) -> None:
    screen = page(address)

    assert f"Help version {VERSION}" in screen.words
    assert any(found.get("href") == "/help/" for _, found in screen.tags)


def test_help_covers_the_readers_roles() -> None:
    reviewer, manager, administrator = (page("/help/", person).words for person in (rita(), fred(), ada()))

    assert ("Review edits from Outlook" in reviewer, "Switch what synchronizes" in reviewer) == (True, False)
    assert ("Review edits from Outlook" in manager, "Switch what synchronizes" in manager) == (False, True)
    assert "For administrators" in administrator
    assert "For administrators" not in reviewer


def test_help_says_what_is_new(settings: Settings, tmp_path: Path) -> None:
    assert "What’s new" in page("/help/").words
    settings.BASE_DIR = tmp_path
    assert "What’s new" not in page("/help/").words

    (tmp_path / "CHANGELOG.md").write_text("## 9.0\n\n### Added\n\n- <i>Speed</i>.\n")

    screen = page("/help/")
    assert "What’s new 9.0" in screen.words
    assert "&lt;i&gt;Speed&lt;/i&gt;." in screen.html


def test_page_is_rendered_in_the_chosen_theme() -> None:
    assert ("html", {"lang": "en", "data-theme": "system"}) in page("/review/").tags
    assert ("meta", {"name": "color-scheme", "content": "light dark"}) in page("/review/").tags

    answer = browser(rita()).post("/settings/me/change", {"do": "theme", "theme": "dark", "next": "/review/?q=a"})

    assert answer.headers["Location"] == "/review/?q=a"
    for address in ("/review/", "/nowhere"):
        screen = page(address)
        assert ("html", {"lang": "en", "data-theme": "dark"}) in screen.tags
        assert ("meta", {"name": "color-scheme", "content": "dark"}) in screen.tags
    assert AuditEntry.objects.get().action == "person.theme"
    assert ("html", {"lang": "en", "data-theme": "system"}) in page("/filters/", fred()).tags


def test_theme_is_chosen_in_own_settings() -> None:
    assert page("/settings/me").is_checked("theme", "system")

    screen = Screen(browser(rita()).post("/settings/me/change", {"do": "theme", "theme": "light"}, follow=True))

    assert screen.is_checked("theme", "light")
    assert Person.objects.get(pk=rita().pk).theme == "light"


def test_unknown_theme_changes_nothing() -> None:
    answer = browser(rita()).post("/settings/me/change", {"do": "theme", "theme": "pink"})

    assert answer.status_code == 422
    assert Person.objects.get(pk=rita().pk).theme == "system"


def test_signed_out_pages_use_the_device_theme() -> None:
    screen = Screen(browser().get("/sign-in"))

    assert ("html", {"lang": "en"}) in screen.tags
    assert ("meta", {"name": "color-scheme", "content": "light dark"}) in screen.tags


def test_top_bar_links_settings_for_administrators_only() -> None:
    def links(person: Person) -> list[dict[str, str]]:
        return [found for _, found in page("/review/", person).tags if found.get("href") == "/settings/"]

    assert any("class" not in found for found in links(ada()))
    assert links(rita()) == []
