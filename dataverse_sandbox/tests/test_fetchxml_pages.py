"""Pages and cookies of FetchXML queries."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from dataverse_sandbox.tests.caller import Sandbox
from dataverse_sandbox.tests.test_fetchxml import LINK, _first_names, _id_of, ask, fetch, people

__all__ = ["people"]

ONE_BY_ONE = '<fetch count="1"><entity name="contact"><attribute name="{0}"/><order attribute="{0}"/></entity></fetch>'


def next_fetch(xml: str, page: Any) -> str:
    """Return the query of the following page, built as the documentation instructs clients."""
    outer = ElementTree.fromstring(page["@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"])  # noqa: S314 - our own sandbox's
    element = ElementTree.fromstring(xml)  # noqa: S314 - as above
    element.set("paging-cookie", unquote(unquote(outer.attrib["pagingcookie"])))
    element.set("page", outer.attrib["pagenumber"])
    return ElementTree.tostring(element, encoding="unicode")


@pytest.mark.parametrize(
    "order", ["", '<order attribute="lastname" descending="true"/>', '<order attribute="lastname"/>']
)
def test_cookies_page_through_all_rows(people: Sandbox, order: str) -> None:
    xml = f'<fetch count="1"><entity name="contact"><attribute name="firstname"/>{order}</entity></fetch>'
    names: list[str] = []
    page = ask(people, xml).json()
    while True:
        names += _first_names(page)
        if not page["@Microsoft.Dynamics.CRM.morerecords"]:
            break
        xml = next_fetch(xml, page)
        page = ask(people, xml).json()

    assert sorted(names) == ["Anna", "Bert", "Cora"]
    assert "@Microsoft.Dynamics.CRM.fetchxmlpagingcookie" not in page


def test_cookie_survives_deletion_of_earlier_row(people: Sandbox) -> None:
    xml = ONE_BY_ONE.format("firstname")
    first = ask(people, xml).json()
    people.delete(f"contacts({_id_of(people, 'Anna')})")

    assert _first_names(ask(people, next_fetch(xml, first)).json()) == ["Bert"]


def test_paging_cookie_preserves_special_characters(people: Sandbox) -> None:
    people.session.patch(
        f"{people.api}contacts({_id_of(people, 'Anna')})", json={"lastname": "A & <B>", "osync_revision": 1}
    )
    xml = ONE_BY_ONE.format("lastname")
    second = next_fetch(xml, ask(people, xml).json())
    third = next_fetch(second, ask(people, second).json())

    assert ask(people, second).json()["value"][0]["lastname"] == "A & <B>"
    assert ask(people, third).json()["value"][0]["lastname"] == "berg"


def test_pages_without_cookie_use_offsets(people: Sandbox) -> None:
    inner = '<attribute name="firstname"/><order attribute="firstname"/>'

    assert _first_names(fetch(people, inner, count=2, page=2)) == ["Cora"]


def test_order_by_a_linked_table_gives_no_cookie(people: Sandbox) -> None:
    page = fetch(people, LINK.format("outer", '<order attribute="name"/>'), count=1)

    assert page["@Microsoft.Dynamics.CRM.morerecords"] is True
    assert "@Microsoft.Dynamics.CRM.fetchxmlpagingcookie" not in page
