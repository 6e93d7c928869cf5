"""Four eyes where the CRM does not identify the editor: deciding is refused unless a setting allows it."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from syncapp import preferences
from syncapp.models import AuditEntry, CrmUser, Decision, Person, SyncField
from syncapp.models.mirror.change_kind import ChangeKind
from syncapp.models.review.decision import Outcome
from syncapp.review import decisions, follow_ups
from syncapp.review.bulk import selections
from syncapp.review.context import digest
from syncapp.review.errors import EditorUnidentified, NotPossible, OwnEdit
from syncapp.review.queue.criteria import NO_CRITERIA, Tab
from syncapp.review.rules import editing, runs
from tests.support import scenes
from tests.support.factories import make_editor, make_field, make_record
from tests.support.people import ada, make_person, rita, rob

pytestmark = pytest.mark.django_db


def unidentified(**values: str) -> SyncField:
    """Return an edit whose editor has no Entra id in the CRM."""
    return make_field(make_record(editor=make_editor("On Premises", entra_id=None, **values)))


def allow_anyone() -> None:
    preferences.change(by=ada(), anyone_decides_unidentified=True)


def approve(field: SyncField, by: Person | None = None) -> Decision:
    return decisions.approve(field.pk, by=by or rita(), seen=digest(field))


def test_edit_by_unidentified_editor_cannot_be_decided():
    with pytest.raises(EditorUnidentified, match="On Premises"):
        approve(unidentified())

    assert not Decision.objects.exists()


def test_edit_without_any_editor_cannot_be_decided():
    with pytest.raises(EditorUnidentified):
        approve(make_field(make_record(editor_id=None)))


def test_setting_lets_any_reviewer_decide_and_is_audited():
    allow_anyone()

    decision = approve(unidentified())

    assert (decision.four_eyes, decision.editor_oid, decision.unidentified_allowed) == (True, None, True)
    entry = AuditEntry.objects.get(action="field.review.approved")
    assert entry.details["editor_unidentified"] is True
    assert AuditEntry.objects.filter(action="settings.changed", actor=ada()).exists()


def test_same_address_prevents_decision_despite_setting():
    allow_anyone()
    me = make_person("Rita")
    Person.objects.filter(pk=me.pk).update(address="rita@contoso.example", is_reviewer=True)
    me.refresh_from_db()

    with pytest.raises(OwnEdit):
        approve(unidentified(address="Rita@Contoso.example"), by=me)


def test_unidentified_editor_does_not_matter_without_four_eyes(settings):
    settings.FOUR_EYES = False

    assert approve(unidentified()).four_eyes is False


@pytest.mark.parametrize("step", [follow_ups.put_back, follow_ups.approve_after_all])
def test_follow_ups_need_an_identified_editor(step):
    field = make_field(make_record(editor=make_editor("On Premises")))
    take = scenes.approved if step is follow_ups.put_back else scenes.rejected
    scenes.finished(take(field, by=rita()))
    CrmUser.objects.update(entra_id=None)

    with pytest.raises(EditorUnidentified):
        step(field.pk, by=rob(), reason="Because")


def test_selection_omits_and_counts_edits_by_unidentified_editors():
    fine, _ = make_field(), unidentified()

    selection = selections.select_all(tab=Tab.WAITING, criteria=NO_CRITERIA, query="", person=rita())

    assert [item.field for item in selection.items.all()] == [fine]
    assert (selection.own_edits, selection.unidentified) == (0, 1)


def test_empty_selection_mentions_unidentified_editors():
    unidentified()

    with pytest.raises(NotPossible, match="not identified"):
        selections.select_all(tab=Tab.WAITING, criteria=NO_CRITERIA, query="", person=rita())


@pytest.mark.parametrize("allowed", [False, True])
def test_rule_decides_edits_by_unidentified_editors_if_allowed(allowed):
    if allowed:
        allow_anyone()
    rule = editing.create(editing.RuleDraft("Format only", "approve", kinds=(ChangeKind.FORMAT,)), by=ada())
    editing.simulate(rule.pk, by=ada())
    editing.enable(rule.pk, by=ada())
    field = unidentified()
    SyncField.objects.filter(pk=field.pk).update(change_kind=ChangeKind.FORMAT)

    runs.run()

    field.refresh_from_db()
    assert field.decision == ("approved" if allowed else "pending")
    assert field.rule_traces.get().refused == ("" if allowed else "editor_unidentified")


def test_simulation_leaves_edits_by_unidentified_editors_undecided():
    rule = editing.create(editing.RuleDraft("All titles", "approve", columns=("jobtitle",)), by=ada())
    allow_anyone()
    approve(unidentified())
    preferences.change(by=ada(), anyone_decides_unidentified=False)

    simulation = editing.simulate(rule.pk, by=ada())

    assert (simulation.decided, simulation.left) == (0, 1)


def test_database_refuses_decision_on_edit_by_unidentified_editor():
    decision = approve(make_field())

    with pytest.raises(IntegrityError, match="nobody_decides_their_own_edit"), transaction.atomic():
        Decision.objects.filter(pk=decision.pk).update(editor_oid=None)

    Decision.objects.filter(pk=decision.pk).update(editor_oid=None, unidentified_allowed=True)
    assert Decision.objects.get().outcome == Outcome.APPROVED
