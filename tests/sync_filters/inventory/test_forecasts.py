"""Forecasts of what would leave a user's Outlook, compared with the sandbox's rows."""

from __future__ import annotations

import uuid

from syncapp.connection import clients
from syncapp.models import FilterRow, FilterUser
from syncapp.sync_filters.inventory import forecasts
from tests.support.people import browser, fred
from tests.support.screen import text

STRANGER = uuid.UUID(int=77)


def ask(user: FilterUser, *tables: str) -> list[forecasts.Loss]:
    rows = FilterRow.objects.for_outlook().filter(owner_id=user.pk, table__in=tables)
    kept = forecasts.create_forecast(user, set(rows.values_list("pk", flat=True)), crm=clients.crm(), by=fred())
    return forecasts.losses_of(kept)


def organizer(scenery) -> FilterUser:
    """Return a user who organizes future appointments with other attendees."""
    for row in scenery.rows("appointments", "?$select=_ownerid_value"):
        user = FilterUser.objects.filter(pk=row["_ownerid_value"], is_disabled=False, appointments="on").first()
        if user:
            return user
    raise AssertionError("no user organizes an appointment")


def test_forecast_counts_rows_no_other_filter_selects(scenery):
    scenery.read()
    user = organizer(scenery)
    own = scenery.rows("appointments", f"?$select=subject&$filter=_ownerid_value eq {user.pk}")
    invited = {
        row["activityid"]: len(
            scenery.rows(
                "activityparties", f"?$filter=_activityid_value eq {row['activityid']}&$select=activitypartyid"
            )
        )
        - 1
        for row in own
    }

    (lost,) = ask(user, "appointment")

    assert (lost.leaves, lost.stays, lost.ahead, lost.why) == (len(own), 0, len(own), "")
    assert sorted((each.subject, each.attendees) for each in lost.meetings) == sorted(
        (row["subject"], invited[row["activityid"]]) for row in own if invited[row["activityid"]]
    )
    copy = FilterRow.objects.for_outlook().get(owner_id=user.pk, table="appointment")
    asked = {copy.pk}
    copy.pk, copy.name = uuid.uuid4(), "The same once more"
    copy.save(force_insert=True)
    (kept,) = forecasts.losses_of(forecasts.create_forecast(user, asked, crm=clients.crm(), by=fred()))
    assert (kept.leaves, kept.stays, kept.meetings) == (0, len(own), [])


def test_unanswered_forecast_is_unknown(scenery):
    scenery.read()
    disabled = FilterUser.objects.filter(is_disabled=True, is_application=False, tables__has_key="contact").first()
    rita = scenery.user()
    FilterRow.objects.filter(owner_id=rita.pk, table="contact").update(fetch_xml="<fetch><entity name='task'/></fetch>")
    # A user whom the CRM does not know: it silently ignores such an id and answers as our own user.
    stranger = scenery.user("Rob Marchetti")
    FilterRow.objects.filter(owner_id=stranger.pk).update(owner_id=STRANGER)
    stranger.pk, stranger.entra_id = STRANGER, None
    stranger.save(force_insert=True)

    (of_disabled,), (of_rita,), (of_stranger,) = ask_on(disabled), ask(rita, "contact"), ask(stranger, "contact")

    assert {each.leaves for each in (of_disabled, of_rita, of_stranger)} == {None}
    assert {each.meetings for each in (of_disabled, of_rita, of_stranger)} == {None}
    assert "does not answer as this user" in of_disabled.why
    assert "A filter's FetchXML is not about contact." in of_rita.why
    assert "ProtocolError" not in of_rita.why
    assert of_stranger.why == forecasts.NOT_AS_USER


BROKEN = (
    "<fetch><entity name='appointment'><filter><condition attribute='new_gone' operator='not-null'/></filter>"
    "</entity></fetch>"
)


def test_failed_filter_is_named(scenery):
    scenery.read()
    user = organizer(scenery)
    (whole,) = ask(user, "appointment")
    good = FilterRow.objects.for_outlook().get(owner_id=user.pk, table="appointment")
    broken = FilterRow.objects.get(pk=good.pk)
    broken.pk, broken.name, broken.fetch_xml = uuid.uuid4(), "On a deleted column", BROKEN
    broken.save(force_insert=True)

    (both,) = ask(user, "appointment")
    (bad_stays,) = forecasts.losses_of(forecasts.create_forecast(user, {good.pk}, crm=clients.crm(), by=fred()))
    (bad_goes,) = forecasts.losses_of(forecasts.create_forecast(user, {broken.pk}, crm=clients.crm(), by=fred()))

    for lost in (both, bad_stays, bad_goes):
        assert "“On a deleted column”" in lost.why
        assert "new_gone" in lost.why
        assert "Rejected" not in lost.why
    assert (both.leaves, both.is_more, both.is_most) == (whole.leaves, True, False)
    assert (bad_stays.leaves, bad_stays.is_more, bad_stays.is_most) == (whole.leaves, False, True)
    assert bad_stays.meetings == whole.meetings
    assert (bad_goes.leaves, bad_goes.meetings) == (None, None)


def test_page_shows_bounds_of_forecast(scenery):
    scenery.read()
    user = organizer(scenery)
    good = FilterRow.objects.for_outlook().get(owner_id=user.pk, table="appointment")
    broken = FilterRow.objects.get(pk=good.pk)
    broken.pk, broken.name, broken.fetch_xml = uuid.uuid4(), "On a deleted column", BROKEN
    broken.save(force_insert=True)
    page = f"/filters/users/{user.pk}/"

    (lost,) = ask(user, "appointment")
    assert f"at least {lost.leaves}" in text(browser(fred()).get(page), 200)
    forecasts.create_forecast(user, {good.pk}, crm=clients.crm(), by=fred())
    words = text(browser(fred()).get(page), 200)
    assert f"at most {lost.leaves}" in words
    assert "“On a deleted column”" in words


def ask_on(user: FilterUser) -> list[forecasts.Loss]:
    FilterRow.objects.filter(owner_id=user.pk).update(state=0)
    return ask(user, "contact")
