"""What a filter selects, in words; what nobody put into words stands there as it is."""

from __future__ import annotations

import pytest

from syncapp.filters.fetch_words import text_of, words_of


def said(body: str, table: str = "appointment", **root: str) -> str:
    limits = "".join(f' {name}="{value}"' for name, value in root.items())
    return text_of(words_of(f'<fetch version="1.0"{limits}><entity name="{table}">{body}</entity></fetch>', who="Rita"))


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
def test_a_filter_is_put_into_words(table, body, words):
    assert said(body, table) == words


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
def test_what_is_not_known_stands_there_as_it_is(unknown):
    words = words_of(f'<fetch><entity name="task"><filter>{MINE}{unknown}</filter></entity></fetch>', who="Rita")

    raw = [piece.text for piece in words if piece.is_raw]
    assert len(raw) == 1
    assert raw[0].split()[0] in unknown
    assert "owned by Rita" in text_of(words)


def test_limits_and_broken_filters_are_shown_as_they_are():
    assert said("", "task", top="5") == 'All tasks top="5"'
    assert text_of(words_of("<fetch><ent", who="Rita")) == "Something that cannot be read: <fetch><ent"
    assert text_of(words_of("<other/>", who="Rita")) == "<other />"
