"""The pages of rules."""

from __future__ import annotations

import pytest

from syncapp.models import Rule, SyncField
from syncapp.models.mirror.change_kind import ChangeKind
from syncapp.models.review.rule import RuleState
from syncapp.review import decisions
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
    scenes.store_columns()


def create(**changed: object) -> Screen:
    return Screen(browser(ada()).post("/settings/rules/create", {**FORMAT, **changed}, follow=True))


def take_step(do: str, **controls: str) -> Screen:
    rule = Rule.objects.get()
    return Screen(browser(ada()).post(f"/settings/rules/{rule.pk}/step", {"do": do, **controls}, follow=True))


def a_format_change(**values: object) -> SyncField:
    return make_field(change_kind=ChangeKind.FORMAT, **values)


def test_new_rule_is_paused_and_simulated():
    scenes.approved(a_format_change(), by=rita())
    scenes.rejected(a_format_change(record=make_record("Olav Berg")), by=rita())

    screen = create()

    assert Rule.objects.get().state == RuleState.PAUSED
    assert "It would have decided 2 of 2 fields, 1 differently from what people did" in screen.words
    assert "Olav Berg, Job Title: rejected by Rita" in screen.words


def test_enabled_rule_decides_and_is_named():
    create()
    take_step("enable")
    field = a_format_change()
    runs.run()

    assert "Approved by the rule “Format only”" in opened(browser(rita()), field.record).words
    assert opened(browser(rita()), field.record).offers("do=undo"), "every reviewer may undo the decision"


def test_written_decision_names_its_rule():
    create()
    take_step("enable")
    field = a_format_change()
    runs.run()
    scenes.finished(field.decisions.get())

    assert "Written rule “Format only”; at" in opened(browser(rita()), field.record).words


def test_undecided_edit_names_rule_and_reason():
    create()
    take_step("enable")
    field = a_format_change(crm_now_value="Chief", crm_now_read_at="2026-11-20T10:00Z")
    runs.run()

    words = opened(browser(rita()), field.record).words

    assert "left to reviewers by the rule “Format only”: the CRM holds another value now" in words


def test_enabling_can_include_waiting_edits():
    field = a_format_change()
    create()

    take_step("enable", also_waiting="1")
    runs.run()

    assert field.decisions.get().rule == Rule.objects.get()


def test_changed_rule_is_paused_and_simulated():
    create()
    take_step("enable")
    rule = Rule.objects.get()

    body = {**FORMAT, "kinds": ["filled"]}
    screen = Screen(browser(ada()).post(f"/settings/rules/{rule.pk}/change", body, follow=True))

    rule.refresh_from_db()
    assert (rule.state, rule.kinds, rule.is_simulated) == (RuleState.PAUSED, ["filled"], True)
    assert "It was changed." in screen.words


def test_enabling_needs_a_simulation():
    editing.create(RuleDraft("Format", "approve", kinds=("format",)), by=ada())

    screen = take_step("enable")

    assert Rule.objects.get().state == RuleState.PAUSED
    assert "Simulate the rule first" in screen.words


def test_editors_are_found_by_address_or_name():
    jonas = make_editor("Jonas Weber", address="jonas@contoso.example")
    piet = make_editor("Piet Claes")

    screen = create(editors="JONAS@contoso.example\nPiet Claes\n")

    assert set(Rule.objects.get().editors) == {str(jonas.pk), str(piet.pk)}
    assert "edited by" in screen.words
    assert "Jonas Weber" in screen.words


def test_unknown_editor_is_kept_with_error():
    screen = create(editors="nobody@contoso.example")

    assert (screen.status, Rule.objects.exists()) == (422, False)
    assert "No one who edited here is called “nobody@contoso.example”." in screen.words
    assert "nobody@contoso.example</textarea>" in screen.html
    assert screen.is_checked("kinds", "format")


def test_shadow_rule_shows_differing_decisions():
    create()
    take_step("shadow")
    field = a_format_change(record=make_record("Olav Berg"))
    runs.run()
    scenes.rejected(field, by=rita())

    words = Screen(browser(ada()).get(f"/settings/rules/{Rule.objects.get().pk}/")).words

    assert "it would have decided 1. People decided 1 of them, 1 differently." in words
    assert "Olav Berg, Job Title: rejected by Rita" in words


def test_list_counts_decided_and_undone_fields():
    create()
    take_step("enable")
    a_format_change(record=make_record("Anna Berg"))
    field = a_format_change(record=make_record("Olav Berg"))
    runs.run()
    decisions.undo(field.decisions.get().pk, by=rita())

    words = Screen(browser(ada()).get("/settings/rules/")).words

    assert "Format only Enabled Any field, format only: approve Decided 2, undone 1." in words


def test_rules_are_moved_and_removed():
    create()
    create(name="Filled", kinds=["filled"])
    second = Rule.objects.get(name="Filled")
    browser(ada()).post(f"/settings/rules/{second.pk}/step", {"do": "up"})
    assert list(Rule.objects.existing().values_list("name", flat=True)) == ["Filled", "Format only"]

    browser(ada()).post(f"/settings/rules/{second.pk}/step", {"do": "remove"})

    assert list(Rule.objects.existing().values_list("name", flat=True)) == ["Format only"]
    assert browser(ada()).get(f"/settings/rules/{second.pk}/").status_code == 404


def test_removing_asks_for_confirmation():
    asks = create().html.partition("Remove…</summary>")[2].partition("</details>")[0]

    assert "its past decisions stay" in asks
    assert 'value="remove">Remove this rule<' in asks


def test_unknown_step_is_not_found():
    create()

    assert take_step("explode").status == 404


def test_rules_list_needs_constant_queries(django_assert_max_num_queries):
    for number in range(8):
        create(name=f"Rule {number}", editors="")
    client = browser(ada())

    with django_assert_max_num_queries(17):
        client.get("/settings/rules/")


def test_empty_list_explains_rules():
    assert "No rules yet" in Screen(browser(ada()).get("/settings/rules/")).words


def test_activity_names_the_deciding_rule():
    create()
    take_step("enable")
    a_format_change()
    runs.run()

    words = Screen(browser(ada()).get("/activity/")).words

    assert "rule “Format only”" in words
    assert "Rule enabled" in words
