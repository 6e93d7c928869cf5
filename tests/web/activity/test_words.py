"""The activity page's words for the codes of audit entries, and links to what entries name."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.utils import timezone

from syncapp import audit, preferences
from syncapp.accounts import absence, people
from syncapp.connection import clients
from syncapp.crm.directory.records import SyncMethod
from syncapp.models import Connection, FilterPolicy, FilterRun, FilterUser, Person, Rule, UserList
from syncapp.models.sync_filters.tables import APPOINTMENT_TABLES
from syncapp.sync_filters.policies import editing
from syncapp.sync_filters.policies.editing import PolicySpec
from tests.support import scenes
from tests.support.people import ada, browser, fred, rita, rob, vera
from tests.support.screen import Screen

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def labels() -> None:
    scenes.store_columns()


def open_page(person: Person | None = None, query: str = "") -> Screen:
    return Screen(browser(person or ada()).get(f"/activity/?lines=1{query}"))


def links(screen: Screen) -> set[str]:
    return {found["href"] for tag, found in screen.tags if tag == "a" and found.get("class") == "subject"}


def make_policy() -> FilterPolicy:
    return editing.create(
        PolicySpec(name="Riva users", team_id=uuid.uuid4(), tables=APPOINTMENT_TABLES, wanted_on=False), by=fred()
    )


def make_run(**columns: Any) -> FilterRun:
    defaults = {"number": 4, "tables": list(APPOINTMENT_TABLES), "person": fred(), "users": 1}
    return FilterRun.objects.create(**defaults | columns)


def switched(run: FilterRun, outcome: str = "done", action: str = "filter.switched", **details: Any) -> FilterUser:
    user = FilterUser.objects.create(id=uuid.uuid4(), name="Hanna Brandt", read_at=timezone.now())
    facts = {"user": str(user.pk), "outcome": outcome, "filters": ["1", "2", "3"], **details}
    audit.record(action, by=None, channel="run", group=run.pk, details=facts)
    return user


# Action, details, the values before and after, and the page's text.
CODES: list[tuple[str, dict[str, Any], tuple[str | None, str | None], str]] = [
    ("person.signed_in", {"roles": ["FilterManager", "Viewer"]}, (None, None), "Signed in as Filter manager, Viewer"),
    ("person.signed_in", {"roles": []}, (None, None), "Signed in as no role"),
    ("person.wishes", {}, ("at_once", "daily"), "mails: Immediately → becomes mails: Daily digest"),
    (
        "person.wishes",
        {},
        (None, "Europe/Berlin; de-DE"),
        "not set → becomes time zone: Europe/Berlin; dates and numbers: German (Germany)",
    ),
    ("person.wishes", {}, (None, "UTC"), "not set → becomes time zone: UTC"),
    ("connection.writes", {"kind": "filters", "allowed": False}, ("true", "false"), "switching filters: off"),
    ("connection.checked", {"writes": True}, (None, None), "Connection with test writes"),
    ("settings.changed", {"setting": "mail_values"}, ("true", "false"), "Values in mails on → becomes off"),
    ("settings.changed", {"setting": "overdue_hours"}, ("48", "72"), "48 h → becomes 72 h"),
    ("settings.changed", {"setting": "reasons"}, ("[]", '[{"code": "typo", "words": "A typo"}]'), "A typo"),
    ("capture.switched_on", {"source": "program", "pilot": ""}, (None, None), "Another program · everyone’s edits"),
    ("capture.paused", {"brake": "many_restores"}, (None, None), "Capture paused Capture too many restores"),
    (
        "capture.handling",
        {"source": "outlook", "column": "fax", "handling": "let_through"},
        (None, None),
        "let through",
    ),
    ("capture.limit", {"before": 50, "after": 1000}, (None, None), "50 → 1,000 restores"),
    ("capture.put_back_ended", {"done": 3, "left": 1}, (None, None), "3 put back · 1 left alone"),
    ("capture.identity_added", {"kind": "program"}, (None, None), "Capture A program, never Outlook"),
    ("person.theme", {}, ('{"theme": "system"}', '{"theme": "dark"}'), "theme: Match device → becomes theme: Dark"),
    ("mail.retried", {"message": str(uuid.UUID(int=7))}, (None, None), "Mail retried Mails"),
    ("gate.closed", {"gate": "smtp"}, (None, None), "Stopped Mails The mail server does not accept mails"),
    ("list.saved", {"lines": 412, "unmatched": 2}, (None, "Riva"), "List saved Riva 412 entries · 2 unmatched"),
    ("selection.approved", {"contacts": 41, "fields": 58}, (None, None), "Approved together 58 fields 41 edits"),
]


@pytest.mark.parametrize(("action", "details", "values", "says"), CODES)
def test_codes_are_shown_in_words(action, details, values, says):
    audit.record(action, by=rita(), channel="settings", details=details, before=values[0], after=values[1])

    screen = open_page()

    assert says in screen.words
    for code in ("FilterManager", "at_once", "many_restores", "let_through", "true", "false", "00000000", "{"):
        assert code not in screen.words


def test_policy_entry_links_and_shows_its_state():
    policy = make_policy()

    screen = open_page()

    assert "Policy created Riva users Keeps appointments off page" in screen.words
    assert f"/filters/policies/{policy.pk}/" in links(screen)


def test_removed_policy_keeps_its_name():
    policy = make_policy()
    editing.remove(policy, by=fred())

    screen = open_page()

    assert "Policy removed Riva users" in screen.words
    assert links(screen) == set()


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        ("done", "Switched off Hanna Brandt Appointments off, 3 filters · done · run 4"),
        ("already", "Already off Hanna Brandt"),
        ("denied", "Not switched off Hanna Brandt"),
    ],
)
def test_entry_of_switched_user_names_the_outcome(outcome, says):
    user = switched(make_run(), outcome)

    screen = open_page(vera())

    assert says in screen.words
    assert links(screen) == {f"/filters/users/{user.pk}/"}


def test_switching_on_is_shown_as_switched_on():
    switched(make_run(tables=["contact"], wanted_on=True))

    assert "Switched on Hanna Brandt Contact on, 3 filters" in open_page().words


def test_entry_names_the_mailbox_method():
    none = SyncMethod.NONE.value
    run = make_run(operation="method", wanted_method=none, tables=[])
    switched(run, action="filter.method_set", method=none)

    assert "Synchronization method set Hanna Brandt Synchronization method None · done · run 4" in open_page().words


def test_ended_run_counts_its_outcomes():
    run = make_run(users=110)
    audit.record("run.done", by=None, channel="system", group=run.pk, details={"run": 4, "done": 104, "failed": 6})

    assert "Run ended Run 4 Appointments off · 104 done, 6 failed" in open_page().words


def test_moved_start_is_shown_as_a_date():
    start = timezone.now().replace(year=2031, month=3, day=4)
    run = make_run()
    details = {"run": 4, "starts_at": start.isoformat()}
    audit.record("run.moved", by=fred(), channel="screen", group=run.pk, details=details)

    assert "to Tue 4 Mar 2031" in open_page().words


def test_person_is_linked_with_roles_in_words():
    person = people.add(
        oid=uuid.uuid4(), name="Ines Duarte", address="ines@brandvik.example", roles=["FilterManager"], by=ada()
    )

    screen = open_page()

    assert "Person added Ines Duarte" in screen.words
    assert "e-mail: ines@brandvik.example" in screen.words
    assert "roles: Filter manager" in screen.words
    assert links(screen) == {f"/settings/people/{person.pk}/"}


def test_absence_names_day_and_deputy():
    absence.set_absence(rita(), until=timezone.localdate(), deputy=rob(), by=rita())

    words = open_page().words

    assert "until " in words
    assert "deputy Rob" in words
    assert str(rob().pk) not in words


def test_changed_preferences_are_shown_in_words():
    people.set_preferences(rita().pk, notify="daily", time_zone="Europe/Berlin", by=ada())

    words = open_page().words

    assert "mails: Daily digest; time zone: Europe/Berlin" in words
    assert "{" not in words


def test_rule_is_linked_and_simulation_described():
    rule = Rule.objects.create(name="Formats", author=ada())
    figures = {"looked_at": 120, "decided": 30, "left": 90, "differently": 2, "taken": 1}
    audit.record("rule.simulated", by=ada(), channel="settings", details={"rule": str(rule.pk), **figures})

    screen = open_page()

    assert "Rule simulated Formats 120 past decisions examined · would have decided 30 · 2 differently" in screen.words
    assert links(screen) == {f"/settings/rules/{rule.pk}/"}


def test_list_entry_links_to_its_list():
    kept = UserList.objects.create(name="Riva", changed_at=timezone.now())
    audit.record("list.replaced", by=fred(), channel="screen", group=kept.pk, details={"lines": 3, "unmatched": 0})

    assert links(open_page()) == {f"/filters/lists/{kept.pk}/"}


def test_readers_get_only_links_they_may_open():
    switched(make_run())
    make_policy()

    assert len(links(open_page(vera()))) == 2
    assert links(open_page(rita())) == set()  # reviewers cannot open filter pages
    assert "Hanna Brandt" in open_page(rita()).words


def test_each_setting_is_shown_in_words():
    names = set(preferences.COLUMNS)
    for name in names:
        audit.record("settings.changed", by=ada(), channel="settings", details={"setting": name}, after="1")

    words = open_page().words

    assert not [name for name in names if name in words.split() and "_" in name]


def test_allowed_writes_are_shown_as_on():
    Connection.objects.create(organization_id=uuid.uuid4(), origin="https://crm.example")
    clients.set_writes_allowed("review", allowed=True, by=ada())

    assert "writing reviewed values: on" in open_page().words


def test_export_shows_switched_state_in_words():
    switched(make_run())

    table = b"".join(browser(vera()).get("/activity/export.csv").streaming_content).decode()

    assert "Switched off" in table
    assert "Appointments off, 3 filters; done; run 4" in table


def test_named_subjects_need_few_queries(django_assert_max_num_queries):
    client = browser(vera())
    for _ in range(5):
        make_policy()
        audit.record("list.saved", by=fred(), channel="screen", group=uuid.uuid4(), details={"lines": 1})
    for number in range(10):
        switched(make_run(number=number + 10))

    with django_assert_max_num_queries(30):
        client.get("/activity/?lines=1")
