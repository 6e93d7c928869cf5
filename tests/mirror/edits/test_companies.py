"""Company names of contacts: stored for the list and for search, with few requests to the CRM."""

from __future__ import annotations

import uuid

import pytest

from syncapp.connection.clients import verified_client
from syncapp.mirror.edits import companies
from syncapp.mirror.edits.live_values import refresh_record
from syncapp.models import SyncRecord
from syncapp.models.folding import words_of
from syncapp.review.queue import word_search
from tests.support.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def found(text: str) -> list[SyncRecord]:
    return list(word_search.filter_records(SyncRecord.objects.visible(), text))


def employ(world: World, contact: uuid.UUID, number: int) -> str:
    """Give the contact another company in a form of the CRM; return its name."""
    account = world.rows("accounts", select="accountid,name")[number]
    world.form(contact, **{"parentcustomerid_account@odata.bind": f"/accounts({account['accountid']})"})
    return str(account["name"])


def test_company_of_new_edit_is_stored(world: World):
    world.reset(contacts=60)
    company = employ(world, world.contact(), 1)
    world.outlook(world.contact(), jobtitle="Head")

    world.pull()

    record = SyncRecord.objects.get()
    assert record.company == company
    assert [found(word) for word in words_of(company)] == [[record]] * len(words_of(company))


def test_idle_pull_reads_no_company(world: World):
    world.reset(contacts=20, pending=12)
    world.pull()
    assert not SyncRecord.objects.without_company().exists()
    world.faults({"method": "GET", "table": "contact", "status": 500})

    assert world.pull().finished


def test_later_pulls_read_remaining_companies(world: World, monkeypatch):
    monkeypatch.setattr(companies, "MAX_REQUESTS", 1)
    world.reset(contacts=90, pending=60)

    left = []
    for _ in range(3):
        world.pull()
        left.append(len(set(SyncRecord.objects.without_company().values_list("target_id", flat=True))))

    assert left[0] > 0
    assert left[2] == 0


def test_opening_edit_refreshes_company(world: World):
    world.reset(contacts=60)
    world.outlook(world.contact(), jobtitle="Head")
    world.pull()
    before, after = employ(world, world.contact(), 1), employ(world, world.contact(), 2)

    refresh_record(SyncRecord.objects.get(), crm=verified_client())

    assert [record.company for record in found(after)] == [after]
    assert found(before) == []


def test_deleted_contact_gets_empty_company(world: World):
    world.reset(contacts=3)
    world.outlook(world.contact(), jobtitle="Head")
    world.delete(world.contact())

    world.pull()

    assert SyncRecord.objects.get().company == ""


def test_company_is_kept_when_edit_is_reread(world: World):
    world.reset(contacts=60)
    company = employ(world, world.contact(), 1)
    field = world.edited(jobtitle="Head")["jobtitle"]
    world.decide_in_the_crm(field)

    world.pull()

    assert [record.company for record in found(company)] == [company]
