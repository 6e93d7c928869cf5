"""Query strings and forms with dates, instants and numbers out of range."""

from __future__ import annotations

import uuid
from itertools import product
from urllib.parse import quote

import pytest

from syncapp.accounts import people as accounts
from syncapp.crm.auth.sign_in import Claims
from syncapp.models import Person
from syncapp.web.base import parameters
from tests.support import scenes
from tests.support.factories import make_field
from tests.support.people import ada, browser, fred, make_person

pytestmark = pytest.mark.django_db

EARLIEST_ZONE, LATEST_ZONE = "Pacific/Kiritimati", "Pacific/Niue"
LAST, FIRST = ("9999-12-31", "9999-12-31T23:59:59-12:00"), ("0001-01-01", "0001-01-01T00:00:00+14:00")
# As UTC these are beyond the limits; in the other zone they are not.
BEYOND_THE_LIMITS = [*product(LAST, (LATEST_ZONE,)), *product(FIRST, (EARLIEST_ZONE,))]
AT_THE_LIMITS = [*product(LAST, (EARLIEST_ZONE,)), *product(FIRST, (LATEST_ZONE,))]
ODD = [
    "2026-02-30",
    "9" * 30,
    "9" * 5000,
    "-1",
    "٣",
    "1e999",
    "\ud800".encode("utf-8", "surrogatepass"),
]
ADDRESSES = {
    "/activity/": ("from", "to", "before", "person", "contact", "editor", "period"),
    "/activity/export.csv": ("from", "to", "before"),
    "/activity/evidence/": ("from", "to", "before", "person", "contact", "editor", "period"),
    "/review/": ("after", "age", "editor", "owner"),
    "/review/fresh": ("since",),
    "/review/more": ("after",),
    "/review/written": ("writing",),
    "/numbers/": ("weeks",),
}
FILTERS = {
    "/filters/": ("after", "user", "mailbox", "team", "unit", "list"),
    "/filters/risk/": ("team",),
    "/filters/plan": ("team", "user"),
    "/filters/runs/": ("after", "before"),
}


@pytest.mark.parametrize(
    ("value", "zone"),
    [
        *BEYOND_THE_LIMITS,
        *(pytest.param(*each, marks=pytest.mark.long) for each in AT_THE_LIMITS),
        *product(ODD, (EARLIEST_ZONE,)),
    ],
    ids=lambda value: str(value)[:20],
)
def test_odd_query_values_cause_no_error(value, zone):
    scenes.store_columns()
    make_field()
    client = browser(make_person("Ada", *ada().roles, time_zone=zone))
    manager = browser(make_person("Fred", *fred().roles, time_zone=zone))

    for reader, addresses in ((client, ADDRESSES), (manager, FILTERS)):
        for path, names in addresses.items():
            for name in names:
                answer = reader.get(f"{path}?{name}={quote(value)}")
                assert answer.status_code == (204 if path == "/review/written" else 200), (path, name, answer)
                b"".join(answer) if answer.streaming else None  # the file is generated while it is read


@pytest.mark.parametrize("value", ["2026-13-45T25:00", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00", "soon", ""])
def test_invalid_instants_are_read_as_none(value):
    assert parameters.moment(value) is None


@pytest.mark.parametrize("path", ["absent_until", "starts", "park_until"])
@pytest.mark.parametrize("value", ["9999-12-31T23:59:59-12:00", "2026-13-45T25:00", "0001-01-01"])
def test_out_of_range_form_values_cause_no_error(path, value):
    scenes.store_columns()
    record = make_field().record
    forms = {
        "absent_until": ("/settings/me/change", {"do": "absence"}),
        "park_until": (f"/review/{record.pk}/park", {"do": "until"}),
        "starts": ("/filters/plan", {"source": "names", "names": "x", "want": "off", "tables": "appointments"}),
    }
    address, sent = forms[path]
    person = fred() if address.startswith("/filters") else ada()

    assert browser(person).post(address, sent | {path: value}).status_code < 500


def test_lone_surrogates_in_token_name_are_replaced():
    tenant, oid = uuid.uuid4(), uuid.uuid4()
    claims = {"oid": str(oid), "name": "Rita \ud83d\x00", "email": "rita\ud800@x.example", "roles": ["Reviewer"]}

    person = accounts.update_from_claims(Claims.from_token(claims, tenant_id=tenant))

    assert person is not None
    assert Person.objects.get(oid=oid).name == "Rita \ufffd\ufffd"
