"""Filters described in sentences; unknown parts stay as FetchXML."""

from __future__ import annotations

import pytest

from syncapp.crm.filters.fetch_xml import page_query
from syncapp.sync_filters.fetch_words.sentences import as_text, describe


def sentence(body: str, table: str = "appointment", **root: str) -> str:
    limits = "".join(f' {name}="{value}"' for name, value in root.items())
    return as_text(describe(f'<fetch version="1.0"{limits}><entity name="{table}">{body}</entity></fetch>', who="Rita"))


def condition(column: str, operator: str, value: str | None = None, more: str = "") -> str:
    compared = "" if value is None else f' value="{value}"'
    return f'<condition attribute="{column}" operator="{operator}"{compared}{more}/>'


MINE = condition("ownerid", "eq-userid")


@pytest.mark.parametrize(
    ("table", "body", "words"),
    [
        ("task", "", "All tasks"),
        ("contact", f"<filter>{MINE}</filter>", "Contacts owned by Rita"),
        (
            "appointment",
            f"<filter type='and'>{MINE}{condition('scheduledstart', 'last-x-days', '14')}</filter>",
            "Appointments owned by Rita and starting in the last 14 days",
        ),
        (
            "task",
            f"<filter type='or'>{condition('statecode', 'eq', '0')}{condition('scheduledend', 'next-week')}</filter>",
            "Tasks either whose state is Open or due next week",
        ),
        (
            "contact",
            "<filter><condition attribute='parentcustomerid' operator='in'><value uiname='Contoso'>{1}</value>"
            "<value uiname='Fabrikam'>{2}</value></condition></filter>",
            "Contacts whose company is “Contoso” or “Fabrikam”",
        ),
        (
            "contact",
            f"<filter>{condition('new_region', 'eq', 'North')}</filter>",
            "Contacts whose new_region is “North”",
        ),
        (
            "appointment",
            "<link-entity name='activityparty' from='activityid' to='activityid' alias='p'><filter>"
            f"{condition('partyid', 'eq-userid')}<condition attribute='participationtypemask' operator='in'>"
            "<value>5</value><value>7</value></condition></filter></link-entity>",
            "Appointments with Rita as required attendee or organizer",
        ),
        (
            "appointment",
            "<link-entity name='account' from='accountid' to='regardingobjectid'>"
            f"<filter>{condition('address1_city', 'begins-with', 'Gal')}</filter></link-entity><filter>{MINE}</filter>",
            "Appointments with accounts (by regardingobjectid) whose city begins with “Gal”, and owned by Rita",
        ),
        ("contact", "<link-entity name='account' from='a' to='b' link-type='outer'/>", "All contacts"),
        (
            "contact",
            f"<filter type='or'>{MINE}<filter>{condition('name', 'null')}{condition('fullname', 'eq', '7')}</filter>"
            "</filter>",
            "Contacts either owned by Rita or (whose name is empty and whose full name is 7)",
        ),
    ],
)
def test_filter_is_described(table, body, words):
    assert sentence(body, table) == words


PARTY = (
    "<link-entity name='activityparty' from='activityid' to='activityid' alias='p'><filter>{}"
    "<condition attribute='participationtypemask' operator='in'><value>{}</value><value>{}</value></condition>"
    "</filter></link-entity>"
)
ME = '<condition attribute="partyid" operator="eq-userid"/>'


@pytest.mark.parametrize(
    ("masks", "words"),
    [
        ((8, 9), "regarding or owner"),
        ((1, 2), "sender or recipient"),
        ((3, 4), "CC recipient or BCC recipient"),
        ((5, 6), "required attendee or optional attendee"),
        ((7, 10), "organizer or resource"),
        ((10, 11), "resource or customer"),
    ],
)
def test_participation_roles_have_labels(masks, words):
    assert sentence(PARTY.format(ME, *masks), "phonecall") == f"Phone calls with Rita as {words}"
    assert sentence(PARTY.format("", *masks), "phonecall").endswith(f"whose role is {words}")


MIDNIGHT = "2026-01-15T00:00:00+01:00"


@pytest.mark.parametrize(
    ("table", "body", "words"),
    [
        ("appointment", condition("scheduledstart", "ge", MIDNIGHT), "Appointments starting on or after 2026-01-15"),
        ("appointment", condition("scheduledstart", "lt", "2026-01-15"), "Appointments starting before 2026-01-15"),
        ("appointment", condition("scheduledstart", "gt", MIDNIGHT), "Appointments starting after 2026-01-15 00:00"),
        (
            "task",
            condition("scheduledend", "le", "2026-01-15T08:30:00Z"),
            "Tasks due at or before 2026-01-15 08:30 UTC",
        ),
        ("task", condition("scheduledend", "null"), "Tasks without a due date"),
        ("appointment", condition("scheduledend", "not-null"), "Appointments with an end date"),
        ("contact", condition("createdon", "on", "2026-01-15T00:00:00Z"), "Contacts created on 2026-01-15"),
        ("contact", condition("createdon", "on-or-after", "1/15/2026"), "Contacts created on or after 1/15/2026"),
        ("contact", condition("new_seen", "ge", "2026-01-15"), "Contacts whose new_seen is on or after 2026-01-15"),
        ("contact", condition("new_level", "ge", "20260115"), "Contacts whose new_level is 20260115 or above"),
        ("appointment", condition("isalldayevent", "eq", "0"), "Appointments whose “all-day event” is No"),
        ("contact", condition("donotsendmm", "eq", "true"), "Contacts whose “send no marketing” is Yes"),
        ("contact", condition("donotemail", "ne", "1"), "Contacts whose “allow no e-mail” is not Yes"),
        (
            "appointment",
            "<condition attribute='scheduledstart' operator='between'><value>2026-01-15</value>"
            "<value>2026-02-15</value></condition>",
            "Appointments starting between 2026-01-15 and 2026-02-15",
        ),
    ],
)
def test_dates_and_yes_no_columns_are_described(table, body, words):
    assert sentence(f"<filter>{body}</filter>", table) == words


def test_no_attrs_element_is_ignored():
    assert sentence(f"<no-attrs/><filter>{MINE}</filter>", "task") == "Tasks owned by Rita"
    asked = page_query("<fetch><entity name='task'><no-attrs/></entity></fetch>", table="task", columns=["subject"])
    assert "no-attrs" not in asked


@pytest.mark.parametrize(
    "unknown",
    [
        condition("scheduledstart", "in-fiscal-year", "2026"),
        condition("subject", "eq", None, " valueof='location'"),
        condition("name", "eq", "x", " entityname='a'"),
        condition("scheduledstart", "last-x-days"),
        '<filter type="and" hint="union"><condition attribute="a" operator="null" /></filter>',
        '<link-entity name="account" from="a" to="b" link-type="any" />',
    ],
)
def test_unknown_parts_stay_as_fetchxml(unknown):
    words = describe(f'<fetch><entity name="task"><filter>{MINE}{unknown}</filter></entity></fetch>', who="Rita")

    raw = [piece.text for piece in words if piece.is_raw]
    assert len(raw) == 1
    assert raw[0].split()[0] in unknown
    assert "owned by Rita" in as_text(words)


def test_limits_and_broken_filters_stay_as_fetchxml():
    assert sentence("", "task", top="5") == 'All tasks top="5"'
    assert as_text(describe("<fetch><ent", who="Rita")) == "Something that cannot be read: <fetch><ent"
    assert as_text(describe("<other/>", who="Rita")) == "<other />"
