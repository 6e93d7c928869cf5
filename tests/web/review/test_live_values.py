"""Live values on the record page: read once on load and again on request, without losing input."""

from __future__ import annotations

import time

import pytest

from syncapp.jobs import breakers
from syncapp.models import Breaker, SyncField
from syncapp.web.review import lookup_choices
from tests.support.people import browser, rita
from tests.support.screen import Screen, on, opened, pressed
from tests.support.world import World

HTMX = {"HX-Request": "true", "HX-Target": "crm-now"}


def test_page_reads_live_values_once(world: World):
    field = world.edited(jobtitle="Head of Procurement")["jobtitle"]
    screen = opened(browser(rita()), field.record)

    asking = next(found for tag, found in screen.tags if found.get("id") == "crm-now")

    assert (asking["hx-post"], asking["hx-trigger"]) == (
        f"/review/{field.record_id}/read-again",
        "intersect once delay:400ms",
    )


def test_reading_changed_value_keeps_typed_input(world: World):
    field = world.edited(jobtitle="Head of Procurement")["jobtitle"]
    client = browser(rita())
    form = opened(client, field.record).form | {on(field, "text"): "half typed"}
    world.form(world.contact(), jobtitle="Chief")

    screen = Screen(client.post(f"/review/{field.record_id}/read-again", form, headers=HTMX))

    assert "CRM values read just now" in screen.words
    assert "CRM now Chief" in screen.words
    assert screen.input(on(field, "text")) == "half typed"
    assert "hx-trigger" not in next(found for tag, found in screen.tags if found.get("id") == "crm-now")


def test_unchanged_value_swaps_no_row(world: World):
    field = world.edited(jobtitle="Head of Procurement")["jobtitle"]

    screen = Screen(browser(rita()).post(f"/review/{field.record_id}/read-again", headers=HTMX))

    assert "CRM values read just now" in screen.words
    assert f"field-{field.pk}" not in screen.html


def test_read_again_works_without_scripts(world: World):
    field = world.edited(jobtitle="Head of Procurement")["jobtitle"]
    client = browser(rita())
    world.form(world.contact(), jobtitle="Chief")

    screen = pressed(client, opened(client, field.record), field.record, "do=read")

    assert screen.status == 200
    assert "CRM now Chief" in screen.words


def test_page_shows_values_read_by_another_page(world: World):
    field = world.edited(jobtitle="Head of Procurement")["jobtitle"]
    client, address = browser(rita()), f"/review/{field.record_id}/read-again"
    form = opened(client, field.record).form
    world.form(world.contact(), jobtitle="Chief")
    client.post(address, headers=HTMX)

    late = Screen(client.post(address, form, headers=HTMX))
    again = Screen(client.post(address, opened(client, field.record).form, headers=HTMX))

    assert "CRM now Chief" in late.words
    assert f"field-{field.pk}" not in again.html, "a page that is up to date stays as it is"


@pytest.mark.parametrize("button", ["do=approve-all", "do=reject-all"])
def test_deciding_all_skips_fields_changed_in_crm(world: World, button):
    fields = world.edited(jobtitle="Head of Procurement", telephone1="+47 1", fax="+47 2")
    title, client = fields["jobtitle"], browser(rita())
    world.form(world.contact(), jobtitle="Chief")
    client.post(f"/review/{title.record_id}/read-again", headers=HTMX)

    screen = opened(client, title.record)
    pressed(client, screen, title.record, button)

    title.refresh_from_db()
    assert "Approve 2, leave 1" in screen.words
    assert title.decision == "pending"
    assert not SyncField.objects.exclude(pk=title.pk).filter(decision="pending").exists()


def test_reading_again_recounts_approve_all(world: World):
    fields = world.edited(jobtitle="Head of Procurement", telephone1="+47 1", fax="+47 2")
    world.form(world.contact(), jobtitle="Chief")

    screen = Screen(browser(rita()).post(f"/review/{fields['fax'].record_id}/read-again", headers=HTMX))

    assert "Approve 2, leave 1" in screen.words
    assert f"all={fields['jobtitle'].pk}" not in [f"all={value}" for value in screen.form.get("all", [])]


def test_mail_link_ticks_no_field_changed_in_crm(world: World):
    fields = world.edited(jobtitle="Head of Procurement", telephone1="+47 1")
    client = browser(rita())
    world.form(world.contact(), jobtitle="Chief")
    client.post(f"/review/{fields['jobtitle'].record_id}/read-again", headers=HTMX)

    screen = opened(client, fields["jobtitle"].record, "?link=a")

    assert screen.is_checked(on(fields["telephone1"], "tick"), "1")
    assert not screen.is_checked(on(fields["jobtitle"], "tick"), "1")


@pytest.mark.parametrize("headers", [HTMX, {}])
def test_page_says_crm_did_not_answer(world: World, headers):
    field = world.edited(jobtitle="Head of Procurement")["jobtitle"]
    world.faults({"status": 503, "times": 50})
    started = time.monotonic()

    screen = Screen(browser(rita()).post(f"/review/{field.record_id}/read-again", headers=headers, follow=True))

    assert screen.status == 200
    assert "CRM did not answer" in screen.words
    assert time.monotonic() - started < 6


def test_open_breaker_skips_reading(world: World):
    field = world.edited(jobtitle="Head of Procurement")["jobtitle"]
    breakers.trip(Breaker.Name.CRM_UNREACHABLE, reason="test", probe_in=None)
    field.refresh_from_db()

    screen = Screen(browser(rita()).post(f"/review/{field.record_id}/read-again", headers=HTMX))

    field.refresh_from_db()
    assert "CRM did not answer" in screen.words
    assert field.crm_now_read_at is None


def test_edit_of_deleted_contact_cannot_be_approved(world: World):
    field = world.edited(jobtitle="Head of Procurement")["jobtitle"]
    world.delete(world.contact())

    screen = Screen(browser(rita()).post(f"/review/{field.record_id}/read-again", headers=HTMX))

    assert screen.response["HX-Retarget"] == "#record"
    assert "Contact deleted" in screen.words
    assert not screen.offers(f"do=approve:{field.pk}")


def test_only_the_approved_field_is_written(world: World):
    fields = world.edited(jobtitle="Head of Procurement", telephone1="+47 1")
    client, record = browser(rita()), fields["jobtitle"].record
    phone = fields["telephone1"]
    typed = {on(fields["jobtitle"], "tick"): "1", on(phone, "mark"): "reject", on(phone, "code"): "not_correct"}

    pressed(client, opened(client, record), record, "do=marked", **typed)
    world.forward()
    world.deliver()

    assert world.written(world.contact(), "jobtitle") == ["Head of Procurement"]
    assert world.written(world.contact(), "telephone1") == []
    words = opened(client, record).words
    assert "Written at" in words
    assert "Rejected not correct; by you" in words


def test_lookup_is_corrected_to_a_found_row(world: World):
    world.reset(contacts=6, pending=6)
    world.pull()
    field = SyncField.objects.get(column_name="parentcustomerid")
    account = max(world.rows("accounts", select="accountid,name"), key=lambda row: str(row["accountid"]))
    client = browser(rita())
    opened_page = opened(client, field.record)

    found = pressed(
        client, opened_page, field.record, f"do=find:{field.pk}", **{on(field, "find"): account["name"][:4]}
    )
    right = next(
        tag["value"]
        for _, tag in found.tags
        if tag.get("name") == on(field, "value")
        and str(account["accountid"]) in str(lookup_choices.unsign(tag["value"]))
    )
    answer = pressed(client, found, field.record, f"do=correct:{field.pk}", **{on(field, "value"): right})

    assert f"Corrected to {account['name']}" in answer.words
    assert field.decisions.get().value_to_write == f"account:{account['accountid']}"


def test_companies_with_same_name_are_distinguished(world: World):
    world.reset(contacts=6, pending=6)
    world.pull()
    field = SyncField.objects.get(column_name="parentcustomerid")
    for city in ("Bergen", "Tromso"):
        world.account("Nullus Ltd", address1_city=city)
    client = browser(rita())

    found = pressed(
        client, opened(client, field.record), field.record, f"do=find:{field.pk}", **{on(field, "find"): "Nullus"}
    )

    assert "Nullus Ltd, Bergen" in found.words
    assert "Nullus Ltd, Tromso" in found.words


@pytest.mark.parametrize(("name", "is_left_out"), [("Nullus \u0000 Ltd", True), ("Nullus Ltd", False)])
def test_lookup_search_counts_rows_left_out(world: World, name: str, is_left_out: bool):
    world.reset(contacts=6, pending=6)
    world.pull()
    field = SyncField.objects.get(column_name="parentcustomerid")
    world.account(name)
    client = browser(rita())

    found = pressed(
        client, opened(client, field.record), field.record, f"do=find:{field.pk}", **{on(field, "find"): "Nul"}
    )

    assert ("1 row was left out" in found.words) is is_left_out


def test_unsigned_lookup_row_is_refused(world: World):
    world.reset(contacts=6, pending=6)
    world.pull()
    field = SyncField.objects.get(column_name="parentcustomerid")
    client = browser(rita())
    typed = {on(field, "value"): "somebody made this up"}

    answer = pressed(client, opened(client, field.record), field.record, f"do=correct:{field.pk}", **typed)

    assert answer.status == 422
    assert not field.decisions.exists()
