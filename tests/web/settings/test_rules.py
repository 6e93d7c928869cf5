"""The rules' pages: written, simulated, enabled, paused; what they show of what was decided."""

from __future__ import annotations

import pytest

from syncapp.models import Rule, SyncField
from syncapp.models.mirror.change_kind import ChangeKind
from syncapp.models.review.rule import RuleState
from syncapp.review.rules import editing, runs
from syncapp.review.rules.editing import RuleDraft
from tests.support import scenes
from tests.support.factories import make_editor, make_field, make_record
from tests.support.people import ada, browser, rita
from tests.support.screen import Screen, opened

pytestmark = pytest.mark.django_db

FORMAT = {"name": "Format only", "kinds": ["format"], "outcome": "approve", "editors": ""}


@pytest.fixture(autouse=True)
def labels() -> None:
    scenes.know_columns()


def created(**changed: object) -> Screen:
    return Screen(browser(ada()).post("/settings/rules/create", {**FORMAT, **changed}, follow=True))


def step(do: str, **controls: str) -> Screen:
    rule = Rule.objects.get()
    return Screen(browser(ada()).post(f"/settings/rules/{rule.pk}/step", {"do": do, **controls}, follow=True))


def a_format_change(**values: object) -> SyncField:
    return make_field(change_kind=ChangeKind.FORMAT, **values)


def test_a_new_rule_is_paused_and_says_what_it_would_have_done():
    scenes.approved(a_format_change(), by=rita())
    scenes.rejected(a_format_change(record=make_record("Olav Berg")), by=rita())

    screen = created()

    assert Rule.objects.get().state == RuleState.PAUSED
    assert "It would have decided 2 of 2 fields, 1 differently from what people did" in screen.words
    assert "Olav Berg, Job Title: rejected by Rita" in screen.words


def test_a_rule_is_enabled_and_decides_and_the_record_names_it():
    created()
    step("enable")
    field = a_format_change()
    runs.run()

    assert "Approved by the rule “Format only”" in opened(browser(rita()), field.record).words
    assert opened(browser(rita()), field.record).offers("do=undo"), "every reviewer may take it back"


def test_what_a_rule_brought_to_the_crm_names_it_first():
    created()
    step("enable")
    field = a_format_change()
    runs.run()
    scenes.settled(field.decisions.get())

    assert "Written rule “Format only”; at" in opened(browser(rita()), field.record).words


def test_an_edit_that_a_rule_left_to_people_says_which_and_why():
    created()
    step("enable")
    field = a_format_change(crm_now_value="Chief", crm_now_read_at="2026-11-20T10:00Z")
    runs.run()

    words = opened(browser(rita()), field.record).words

    assert "left to people by the rule “Format only”: CRM holds another value by now" in words


def test_what_waits_is_decided_as_well_where_it_is_ticked():
    field = a_format_change()
    created()

    step("enable", also_waiting="1")
    runs.run()

    assert field.decisions.get().rule == Rule.objects.get()


def test_a_changed_rule_is_paused_and_simulated_anew():
    created()
    step("enable")
    rule = Rule.objects.get()

    body = {**FORMAT, "kinds": ["filled"]}
    screen = Screen(browser(ada()).post(f"/settings/rules/{rule.pk}/change", body, follow=True))

    rule.refresh_from_db()
    assert (rule.state, rule.kinds, rule.is_simulated) == (RuleState.PAUSED, ["filled"], True)
    assert "It was changed." in screen.words


def test_a_rule_that_was_never_simulated_cannot_be_enabled():
    editing.create(RuleDraft("Format", "approve", kinds=("format",)), by=ada())

    screen = step("enable")

    assert Rule.objects.get().state == RuleState.PAUSED
    assert "Simulate the rule first" in screen.words


def test_editors_are_found_by_address_or_name():
    jonas = make_editor("Jonas Weber", address="jonas@contoso.example")
    piet = make_editor("Piet Claes")

    screen = created(editors="JONAS@contoso.example\nPiet Claes\n")

    assert set(Rule.objects.get().editors) == {str(jonas.pk), str(piet.pk)}
    assert "edited by" in screen.words
    assert "Jonas Weber" in screen.words


def test_an_unknown_editor_is_told_and_what_was_typed_stays():
    screen = created(editors="nobody@contoso.example")

    assert (screen.status, Rule.objects.exists()) == (422, False)
    assert "No one who edited here is called “nobody@contoso.example”." in screen.words
    assert "nobody@contoso.example</textarea>" in screen.html
    assert screen.is_checked("kinds", "format")


def test_a_rule_in_shadow_shows_what_people_did_instead():
    created()
    step("shadow")
    field = a_format_change(record=make_record("Olav Berg"))
    runs.run()
    scenes.rejected(field, by=rita())

    words = Screen(browser(ada()).get(f"/settings/rules/{Rule.objects.get().pk}/")).words

    assert "it would have decided 1. People decided 1 of them meanwhile, 1 differently." in words
    assert "Olav Berg, Job Title: rejected by Rita" in words


def test_the_list_says_how_often_each_rule_was_taken_back():
    created()
    step("enable")
    a_format_change()
    runs.run()

    words = Screen(browser(ada()).get("/settings/rules/")).words

    assert "Format only Enabled Any field, format only: approve Decided 1, undone 0." in words


def test_the_order_is_changed_and_a_rule_removed():
    created()
    created(name="Filled", kinds=["filled"])
    second = Rule.objects.get(name="Filled")
    browser(ada()).post(f"/settings/rules/{second.pk}/step", {"do": "up"})
    assert list(Rule.objects.shown().values_list("name", flat=True)) == ["Filled", "Format only"]

    browser(ada()).post(f"/settings/rules/{second.pk}/step", {"do": "remove"})

    assert list(Rule.objects.shown().values_list("name", flat=True)) == ["Format only"]
    assert browser(ada()).get(f"/settings/rules/{second.pk}/").status_code == 404


def test_removing_asks_first_and_says_what_stays():
    asks = created().html.partition("Remove…</summary>")[2].partition("</details>")[0]

    assert "what it decided stays" in asks
    assert 'value="remove">Remove this rule<' in asks


def test_a_step_that_there_is_not_is_not_found():
    created()

    assert step("explode").status == 404


def test_the_list_costs_the_same_however_many_rules_there_are(django_assert_max_num_queries):
    for number in range(8):
        created(name=f"Rule {number}", editors="")
    client = browser(ada())

    with django_assert_max_num_queries(17):
        client.get("/settings/rules/")


def test_without_rules_the_page_says_what_they_are_for():
    assert "No rules yet" in Screen(browser(ada()).get("/settings/rules/")).words


def test_the_activity_names_the_rule_that_decided_and_who_enabled_it():
    created()
    step("enable")
    a_format_change()
    runs.run()

    words = Screen(browser(ada()).get("/activity/")).words

    assert "rule “Format only”" in words
    assert "Rule enabled" in words
