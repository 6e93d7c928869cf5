"""Rules: decisions, exceptions, simulation before enabling, and the automatic pause."""

from __future__ import annotations

import uuid

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from syncapp.models import AuditEntry, CrmUser, Decision, Message, Rule, SyncField
from syncapp.models.mirror.change_kind import ChangeKind
from syncapp.models.mirror.sync_field import FieldDecision
from syncapp.models.review.decision import DecisionState, Outcome
from syncapp.models.review.rule import RuleState
from syncapp.review import decisions, follow_ups
from syncapp.review.context import digest
from syncapp.review.rules import editing, runs
from syncapp.review.rules.editing import BadRule, RuleDraft
from tests.support.factories import make_editor, make_field, make_record
from tests.support.failing_statements import failing
from tests.support.people import ada, make_person, rita
from tests.support.scenes import approved, finished

pytestmark = pytest.mark.django_db

FORMAT = RuleDraft("Format only", "approve", kinds=(ChangeKind.FORMAT,))
FAX = RuleDraft("No fax", "reject", columns=("fax",), reason_code="crm_only")


def enabled(draft: RuleDraft = FORMAT, **how: bool) -> Rule:
    rule = editing.create(draft, by=ada())
    editing.simulate(rule.pk, by=ada())
    return editing.enable(rule.pk, by=ada(), **how)


def a_format_change(**values) -> SyncField:
    return make_field(change_kind=ChangeKind.FORMAT, **values)


def decision_of(field: SyncField) -> str:
    field.refresh_from_db()
    return field.decision


def test_rule_approves_matching_field_under_its_name():
    rule = enabled()
    field, other = a_format_change(), make_field()

    runs.run()

    taken = field.decisions.get()
    assert (decision_of(field), decision_of(other)) == (FieldDecision.APPROVED, FieldDecision.PENDING)
    assert (taken.rule, taken.decided_by, taken.decider) == (rule, None, "the rule “Format only”")
    assert AuditEntry.objects.get(action="field.review.approved").channel == "rule"


def test_rule_rejects_with_its_reason():
    enabled(FAX)
    field = make_field(column="fax")

    runs.run()

    assert (field.decisions.get().outcome, field.decisions.get().reason_code) == (Outcome.REJECTED, "crm_only")


def test_all_conditions_must_hold():
    jonas, piet = make_editor("Jonas"), make_editor("Piet")
    enabled(RuleDraft("Both", "approve", columns=("fax",), editors=(str(jonas.pk),), kinds=("format",)))
    meets = a_format_change(record=make_record(editor=jonas), column="fax")
    others = [
        a_format_change(record=make_record(editor=piet), column="fax"),
        a_format_change(record=make_record(editor=jonas)),
        make_field(make_record(editor=jonas), "fax"),
    ]

    runs.run()

    assert decision_of(meets) == FieldDecision.APPROVED
    assert {decision_of(field) for field in others} == {FieldDecision.PENDING}


def test_first_matching_rule_decides():
    enabled(RuleDraft("People look at fax", "leave", columns=("fax",)))
    enabled(FORMAT)
    fax, title = a_format_change(column="fax"), a_format_change()

    runs.run()

    assert (decision_of(fax), decision_of(title)) == (FieldDecision.PENDING, FieldDecision.APPROVED)
    assert fax.rule_traces.get().outcome == "leave"


def test_rules_can_be_reordered():
    first, second = enabled(FORMAT), enabled(FAX)
    editing.move(second.pk, up=True, by=ada())
    field = a_format_change(column="fax")

    runs.run()

    assert field.decisions.get().rule == second
    assert list(Rule.objects.existing()) == [second, first]


def test_each_field_is_checked_once():
    enabled()
    field = a_format_change()
    runs.run()
    decisions.undo(field.decisions.get().pk, by=rita())

    looked = runs.run()

    assert (looked.fields, decision_of(field)) == (0, FieldDecision.PENDING), "people decide what they undid"


def test_rule_decides_waiting_edits_only_on_request():
    field = a_format_change()
    rule = enabled()
    runs.run()
    assert decision_of(field) == FieldDecision.PENDING

    editing.enable(rule.pk, by=ada(), also_waiting=True)
    runs.run()

    assert decision_of(field) == FieldDecision.APPROVED


def test_new_rule_checks_only_new_edits():
    first = enabled(FAX)
    old_fax, old_format = make_field(column="fax"), a_format_change()

    enabled(FORMAT)
    runs.run()

    assert old_fax.decisions.get().rule == first, "the earlier rule still checks edits that arrived before"
    assert decision_of(old_format) == FieldDecision.PENDING, "the new rule does not"


def test_catch_up_reports_running_out_of_time():
    enabled(FAX)
    a_format_change()

    assert not runs.catch_up(seconds=0)
    assert runs.catch_up()


def test_fields_are_marked_checked_even_without_rules():
    make_field()

    runs.run()

    assert not SyncField.objects.not_yet_ruled().exists()


def test_edit_with_unread_editor_is_checked_later():
    enabled()
    stranger = uuid.uuid4()
    field = a_format_change(record=make_record(editor_id=stranger))
    runs.run()
    assert decision_of(field) == FieldDecision.PENDING

    CrmUser.objects.create(pk=stranger, entra_id=uuid.uuid4(), read_at=timezone.now())
    runs.run()

    assert decision_of(field) == FieldDecision.APPROVED


@pytest.mark.parametrize("owner", ["author", "enabler"])
def test_rule_skips_edits_by_author_and_enabler(owner, settings):
    boss = make_person("Boss")
    rule = editing.create(FORMAT, by=boss if owner == "author" else ada())
    editing.simulate(rule.pk, by=ada())
    editing.enable(rule.pk, by=boss if owner == "enabler" else ada())
    mine = a_format_change(record=make_record(editor=make_editor("Boss", entra_id=boss.oid)))

    runs.run()

    assert decision_of(mine) == FieldDecision.PENDING
    assert mine.rule_traces.get().refused == "own_edit"


def test_rule_decides_own_edits_without_four_eyes(settings):
    settings.FOUR_EYES = False
    enabled()
    mine = a_format_change(record=make_record(editor=make_editor("Ada", entra_id=ada().oid)))

    runs.run()

    assert decision_of(mine) == FieldDecision.APPROVED


def test_rule_skips_field_with_changed_value():
    enabled()
    field = a_format_change(crm_now_value="Chief", crm_now_read_at="2026-11-20T10:00Z")

    runs.run()

    assert decision_of(field) == FieldDecision.PENDING
    assert field.rule_traces.get().refused == "crm_has_another_value"


def test_changed_rule_is_paused():
    rule = enabled()

    editing.change(rule.pk, FAX, by=ada())

    assert (Rule.objects.get().state, Rule.objects.get().paused_because) == (RuleState.PAUSED, "It was changed.")


def decided_by_rule(count: int) -> list[SyncField]:
    fields = [a_format_change() for _ in range(count)]
    runs.run()
    return fields


def test_rule_pauses_itself_after_reversals():
    enabled()
    fields = decided_by_rule(5)
    decisions.undo(fields[0].decisions.get().pk, by=rita())
    finished(fields[1].decisions.get())
    follow_ups.put_back(fields[1].pk, by=rita(), reason="wrong")
    assert Rule.objects.get().state == RuleState.ENABLED

    decisions.undo(fields[2].decisions.get().pk, by=rita())

    rule = Rule.objects.get()
    assert (rule.state, rule.paused_because) == (RuleState.PAUSED, "People undid 3 of its last 20 decisions.")
    assert AuditEntry.objects.filter(action="rule.paused_itself", channel="rule").count() == 1
    message = Message.objects.get()
    assert (message.recipient, message.details["text"]) == (
        ada(),
        f"The rule “Format only” was paused automatically. {rule.paused_because}",
    )
    decided_by_rule(1)
    assert Decision.objects.filter(state=DecisionState.OPEN, rule=rule).count() == 2, "nothing new was decided"


def test_approval_after_all_counts_as_reversal():
    enabled(FAX)
    fields = [make_field(column="fax") for _ in range(3)]
    runs.run()

    for field in fields:
        finished(field.decisions.get())
        follow_ups.approve_after_all(field.pk, by=rita(), reason="needed")

    assert Rule.objects.get().state == RuleState.PAUSED


def test_reversals_before_reenabling_do_not_count():
    rule = enabled()
    for field in decided_by_rule(3):
        decisions.undo(field.decisions.get().pk, by=rita())
    editing.simulate(rule.pk, by=ada())
    editing.enable(rule.pk, by=ada())

    decisions.undo(decided_by_rule(1)[0].decisions.get().pk, by=rita())

    assert Rule.objects.get().state == RuleState.ENABLED


def test_reversals_of_manual_decisions_do_not_count():
    enabled()
    for _ in range(4):
        decisions.undo(approved(make_field(), by=rita()).pk, by=rita())

    assert Rule.objects.get().state == RuleState.ENABLED


def test_removed_rule_decides_nothing_and_keeps_name():
    rule = enabled()
    field = decided_by_rule(1)[0]

    editing.remove(rule.pk, by=ada())

    assert decision_of(decided_by_rule(1)[0]) == FieldDecision.PENDING
    assert field.decisions.get().decider == "the rule “Format only”"


def test_decision_has_person_or_rule_not_both():
    enabled()
    decided_by_rule(1)

    with pytest.raises(IntegrityError), transaction.atomic():
        Decision.objects.update(decided_by=rita())
    with pytest.raises(IntegrityError), transaction.atomic():
        Decision.objects.update(rule=None)


@pytest.mark.parametrize(
    ("draft", "place"),
    [
        (RuleDraft("", "leave"), "name"),
        (RuleDraft("All", "approve"), "conditions"),
        (RuleDraft("All", "nothing"), "outcome"),
        (RuleDraft("Kind", "approve", kinds=("strange",)), "kinds"),
        (RuleDraft("Column", "approve", columns=("A b",)), "columns"),
        (RuleDraft("Editor", "approve", editors=("Jonas",)), "editors"),
        (RuleDraft("Why", "reject", columns=("fax",)), "reason_code"),
        (RuleDraft("Why", "reject", columns=("fax",), reason_code="other"), "reason"),
    ],
)
def test_invalid_rule_is_refused(draft, place):
    with pytest.raises(BadRule) as refused:
        editing.create(draft, by=ada())

    assert refused.value.place == place


def test_rule_leaving_field_keeps_open_form_valid():
    field = make_field()
    before = digest(field)
    enabled(RuleDraft("Leave", "leave"))
    runs.run()

    decisions.approve(field.pk, by=rita(), seen=before)

    assert decision_of(field) == FieldDecision.APPROVED


def test_failed_rule_decision_leaves_only_its_field_pending(caplog: pytest.LogCaptureFixture):
    enabled()
    fields = [a_format_change() for _ in range(3)]

    with failing("INSERT INTO", Decision, fields[1].pk):
        for _ in range(2):
            runs.run()

    found = [decision_of(field) for field in fields]
    assert found == [FieldDecision.APPROVED, FieldDecision.PENDING, FieldDecision.APPROVED]
    assert caplog.text.count("Traceback") == 1
