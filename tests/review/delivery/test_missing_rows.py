"""Lookups to rows that were deleted in the CRM fail alone and at once, with the CRM's reason."""

from __future__ import annotations

import pytest

from syncapp.models import Delivery, SyncField
from syncapp.models.mirror.sync_field import FieldDecision, FieldDelivery
from syncapp.review import decisions, follow_ups
from syncapp.review.context import digest
from tests.support.people import browser, rita
from tests.support.screen import opened
from tests.support.world import World

pytestmark = pytest.mark.django_db(transaction=True)

BIND = "parentcustomerid_account@odata.bind"


def axes(field: SyncField) -> tuple[str, str]:
    field.refresh_from_db()
    return field.decision, field.delivery


def edit_with_company(world: World) -> dict[str, SyncField]:
    """Return an edit that sets the company and another field; the company has been deleted since."""
    account = world.account()
    fields = world.edited(**{BIND: f"/accounts({account})", "nickname": "Max"})
    world.delete_account(account)
    return fields


def test_lookup_to_deleted_row_never_stops_other_fields(world: World):
    fields = edit_with_company(world)
    world.decide(approve=tuple(fields.values()))

    world.deliver()

    company, nickname = fields["parentcustomerid"], fields["nickname"]
    assert axes(nickname) == (FieldDecision.APPROVED, FieldDelivery.DONE)
    assert axes(company) == (FieldDecision.APPROVED, FieldDelivery.FAILED)
    assert "Does Not Exist" in company.trouble
    assert "no longer in the CRM" in company.trouble
    assert world.written(world.contact(), "nickname") == ["Max"]
    assert Delivery.objects.get().attempts <= 1
    assert "no longer in the CRM" in opened(browser(rita()), company.record).words


def test_lookup_to_deleted_row_fails_when_decided_alone(world: World):
    company = edit_with_company(world)["parentcustomerid"]
    world.decide(approve=(company,))

    world.deliver()

    assert axes(company) == (FieldDecision.APPROVED, FieldDelivery.FAILED)


def test_putting_back_deleted_lookup_target_fails(world: World):
    old, new = world.account(), world.account()
    world.form(world.contact(), **{BIND: f"/accounts({old})"})
    company = world.edited(**{BIND: f"/accounts({new})"})["parentcustomerid"]
    world.decide(approve=(company,))
    world.deliver()
    world.delete_account(old)

    follow_ups.put_back(company.pk, by=rita(), reason="Wrong company")
    world.deliver()

    company.refresh_from_db()
    assert company.delivery == FieldDelivery.FAILED
    assert "no longer in the CRM" in company.trouble


def test_correction_to_deleted_row_never_stops_other_fields(world: World):
    first, second = world.account(), world.account()
    fields = world.edited(**{BIND: f"/accounts({first})", "nickname": "Max"})
    company = fields["parentcustomerid"]
    corrected = {"is_corrected": True, "corrected_value": f"account:{second}"}
    decisions.approve(company.pk, by=rita(), seen=digest(company), **corrected)
    world.decide(approve=(fields["nickname"],))
    world.delete_account(second)

    world.deliver()

    assert axes(fields["nickname"]) == (FieldDecision.APPROVED, FieldDelivery.DONE)
    assert axes(company) == (FieldDecision.APPROVED, FieldDelivery.FAILED)


def test_contact_deleted_before_write_causes_conflict(world: World):
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.decide(approve=(field,))
    world.delete(world.contact())

    world.deliver()

    field.refresh_from_db()
    assert (field.delivery, field.contact_is_gone) == (FieldDelivery.CONFLICT, True)
