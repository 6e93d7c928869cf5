"""Count and page queries keep the conditions of the filter."""

from __future__ import annotations

import pytest

from syncapp.crm import xml
from syncapp.crm.errors import ProtocolError
from syncapp.crm.filters import fetch_xml

FILTER = """<fetch version="1.0" output-format="xml-platform" mapping="logical" top="7" distinct="false">
<entity name="appointment"><all-attributes/><attribute name="subject"/><order attribute="subject"/>
<filter type="and"><condition attribute="ownerid" operator="eq-userid"/></filter>
<link-entity name="activityparty" from="activityid" to="activityid" link-type="outer">
<attribute name="partyid"/><order attribute="partyid"/><filter><condition attribute="a" operator="null"/></filter>
</link-entity></entity></fetch>"""


def _conditions(text: str) -> list[dict[str, str]]:
    return [element.attrib for element in xml.parse(text).iter("condition")]


@pytest.mark.parametrize(
    "query",
    [
        fetch_xml.count_query(FILTER, table="appointment"),
        fetch_xml.page_query(FILTER, table="appointment", columns=["subject"]),
    ],
)
def test_query_keeps_conditions_and_links(query):
    assert _conditions(query) == _conditions(FILTER)
    assert [link.attrib["link-type"] for link in xml.parse(query).iter("link-entity")] == ["outer"]


def test_count_query_returns_one_number():
    root = xml.parse(fetch_xml.count_query(FILTER, table="appointment"))

    assert root.attrib == {"aggregate": "true"}
    assert [each.attrib for each in root.iter("attribute")] == [
        {"name": "activityid", "alias": "found", "aggregate": "countcolumn", "distinct": "true"}
    ]
    assert list(root.iter("order")) == []


def test_page_query_returns_key_and_columns():
    text = fetch_xml.page_query(
        FILTER, table="appointment", columns=["subject", "activityid"], page=3, size=50, cookie='<cookie page="2"/>'
    )

    root = xml.parse(text)
    assert root.attrib == {"distinct": "true", "count": "50", "page": "3", "paging-cookie": '<cookie page="2"/>'}
    assert [each.get("name") for each in root.iter("attribute")] == ["activityid", "subject"]
    assert [each.get("attribute") for each in root.iter("order")] == ["activityid"]


@pytest.mark.parametrize(
    "text",
    [
        "<fetch/>",
        '<fetch><entity name="task"/></fetch>',
        '<other><entity name="appointment"/></other>',
        "<fetch",
        "",
    ],
)
def test_malformed_or_mismatched_filter_is_refused(text):
    with pytest.raises(ProtocolError):
        fetch_xml.count_query(text, table="appointment")


@pytest.mark.parametrize(("table", "key"), [("contact", "contactid"), ("task", "activityid")])
def test_key_column_name_follows_crm_convention(table, key):
    assert fetch_xml.key_of(table) == key


def test_paging_cookie_is_decoded_twice():
    annotation = (
        '<cookie pagenumber="2" pagingcookie="%253ccookie%2520page%253d%25221%2522%252f%253e" istracking="False" />'
    )

    assert fetch_xml.next_cookie(annotation) == '<cookie page="1"/>'
    assert fetch_xml.next_cookie("") == ""
