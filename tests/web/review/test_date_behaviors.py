"""Dates by their behavior in the CRM: shown, corrected and written."""

from __future__ import annotations

import pytest
from django.utils import timezone

from syncapp.crm.staging.records import Column, ColumnType
from syncapp.models import SyncField
from syncapp.models.person import Role
from syncapp.review.diff import values
from tests.support.people import browser, make_person
from tests.support.screen import Screen, on, opened, pressed
from tests.support.world import World

pytestmark = pytest.mark.django_db(transaction=True)

CHECKIN = ("new_Checkin", "TimeZoneIndependent", "DateAndTime")
CHECKIN_DAY = ("new_Checkin", "TimeZoneIndependent", "DateOnly")
RENEWAL = ("new_Renewal", "UserLocal", "DateOnly")
BIRTH = ("new_Birth", "DateOnly", "DateOnly")


def staged(world: World, definition: tuple[str, str, str], original: str, proposed: str) -> SyncField:
    """Return an edit of a column with this behavior and format that has reached the queue."""
    name, behavior, date_format = definition
    kind = "Microsoft.Dynamics.CRM.DateTimeAttributeMetadata"
    dates = {"Format": date_format, "DateTimeBehavior": {"Value": behavior}}
    world.define("contact", {"@odata.type": kind, "SchemaName": name, **dates})
    world.stage(world.contact(), name.lower(), original, proposed)
    world.pull()
    return SyncField.objects.get()


def page_in(zone: str, field: SyncField) -> Screen:
    return opened(browser(make_person("Rita", Role.REVIEWER, time_zone=zone)), field.record)


def corrected(zone: str, field: SyncField, typed: str) -> None:
    client = browser(make_person("Rita", Role.REVIEWER, time_zone=zone))
    form = {on(field, "mark"): "correct", on(field, "value"): typed}
    pressed(client, opened(client, field.record), field.record, f"do=correct:{field.pk}", **form)


def delivered(world: World, field: SyncField) -> str:
    world.forward()
    world.deliver()
    value: str = world.value(world.contact(), field.column_name)
    return value


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_zoneless_moment_is_not_converted(world: World, zone: str):
    field = staged(world, CHECKIN, "2029-06-01T10:30:00Z", "2029-06-01T23:15:00Z")
    screen = page_in(zone, field)
    assert "1 June 2029, 23:15" in screen.words
    assert screen.input(on(field, "value")) == "2029-06-01T23:15:00"

    corrected(zone, field, "2029-06-02T08:00")

    assert delivered(world, field) == "2029-06-02T08:00:00Z"


def test_zoneless_date_loses_no_day(world: World):
    field = staged(world, CHECKIN_DAY, "2029-06-01T00:00:00Z", "2029-06-02T00:00:00Z")
    screen = page_in("America/New_York", field)
    assert "2 June 2029" in screen.words
    assert screen.input(on(field, "value")) == "2029-06-02"

    corrected("America/New_York", field, "2029-06-03")

    assert delivered(world, field) == "2029-06-03T00:00:00Z"


def test_user_local_date_is_written_as_midnight(world: World):
    field = staged(world, RENEWAL, "2029-05-31T22:00:00Z", "2029-06-04T22:00:00Z")
    screen = page_in("Europe/Berlin", field)
    assert "5 June 2029" in screen.words
    assert "00:00" not in screen.words
    assert screen.input(on(field, "value")) == "2029-06-05"

    corrected("Europe/Berlin", field, "2029-12-24")

    assert delivered(world, field) == "2029-12-23T23:00:00Z"


def test_user_local_date_keeps_its_moment(world: World):
    field = staged(world, RENEWAL, "2029-05-31T22:00:00Z", "2029-06-04T22:00:00Z")
    zone = "America/New_York"
    assert "4 June 2029, 18:00 EDT" in page_in(zone, field).words, (
        "the time shows that the value is not midnight in this zone"
    )

    corrected(zone, field, "2029-06-04")

    assert delivered(world, field) == "2029-06-04T22:00:00Z", "an unchanged value is written as proposed"


def test_date_only_value_has_no_zone(world: World):
    field = staged(world, BIRTH, "1987-03-14", "1987-03-15")
    assert "15 March 1987" in page_in("America/New_York", field).words

    corrected("America/New_York", field, "1987-03-16")

    assert delivered(world, field) == "1987-03-16"


def test_day_out_of_range_is_refused(world: World):
    field = staged(world, RENEWAL, "2029-05-31T22:00:00Z", "2029-06-04T22:00:00Z")
    client = browser(make_person("Rita", Role.REVIEWER, time_zone="Europe/Berlin"))
    form = {on(field, "mark"): "correct", on(field, "value"): "0001-01-01"}

    answer = pressed(client, opened(client, field.record), field.record, f"do=correct:{field.pk}", **form)

    assert answer.status == 422
    assert not field.decisions.exists()


@pytest.mark.parametrize("date_format", ["DateOnly", "DateAndTime"])
@pytest.mark.parametrize(
    ("zone", "value"), [("Asia/Tokyo", "9999-12-31T23:59:59Z"), ("America/New_York", "0001-01-01T00:00:00Z")]
)
def test_moment_without_local_date_is_shown_as_stored(world: World, date_format: str, zone: str, value: str):
    field = staged(world, ("new_Ends", "UserLocal", date_format), "2029-05-31T22:00:00Z", value)

    screen = page_in(zone, field)

    assert screen.status == 200
    assert value in screen.words


def test_day_without_midnight_keeps_its_date():
    column = Column("contact", "new_day", "Day", ColumnType.DATE_TIME, is_shown_as_date=True)
    with timezone.override("Africa/Cairo"):  # 2029-04-27: the clock goes from 00:00 to 01:00
        assert values.format_value(column, "2029-04-26T22:00:00Z") == "27 April 2029"
