"""Contents of mails in both parts, and their headers."""

from __future__ import annotations

import re
import uuid
from datetime import datetime
from html import unescape
from typing import Any

import pytest

from syncapp import preferences
from syncapp.mirror.edits import arrivals
from syncapp.models import Message, Person, SyncRecord
from syncapp.models.person import Role
from syncapp.models.review.decision import DecisionState
from syncapp.notifications import sending
from syncapp.notifications.content.outcomes import results
from syncapp.outbox import messages
from syncapp.review import collaboration, follow_ups, notification_rules
from tests.notifications.conftest import PostOffice, send_due
from tests.support import people, scenes
from tests.support.factories import make_editor, make_field, make_newer_edit, make_record
from tests.support.people import rita, rob

pytestmark = pytest.mark.django_db
EDITED = datetime.fromisoformat("2026-11-20T23:30:00+00:00")


@pytest.fixture(autouse=True)
def _columns(db: None) -> None:
    scenes.store_columns()


def edit(name: str = "Marta Villanueva", **columns: Any) -> SyncRecord:
    record = make_record(name, edited_on=EDITED, **columns)
    make_field(
        record, "jobtitle", original_value="Senior Buyer, Packaging", proposed_value="Head of Procurement, Packaging"
    )
    make_field(record, "fax", original_value="+47 22 85 50 51", proposed_value=None)
    return record


def notify(*records: SyncRecord, reader: Person | None = None) -> Message:
    """Send Rita the mail about these arrivals."""
    reader = reader or rita()
    Person.objects.filter(pk=reader.pk).update(notified_until=0)
    arrivals.record([record.pk for record in records])
    notification_rules.notify_new_edits()
    send_due()
    return Message.objects.get(recipient=reader)


def links_of(html: str) -> list[str]:
    return [unescape(link) for link in re.findall(r'href="([^"]+)"', html)]


def test_text_part_is_complete(post_office: PostOffice) -> None:
    notify(edit())

    mail = post_office.mail()
    assert mail.subject == "Marta Villanueva: 2 fields edited in Outlook are waiting for you"
    for words in (
        "MARTA VILLANUEVA\nEdited by Jonas Weber, 20 November at 23:30 UTC, 2 fields",
        "  Fax\n    original  +47 22 85 50 51\n    proposed  (empty)",
        "  Job Title\n    original  Senior Buyer, Packaging\n    proposed  Head of Procurement, Packaging",
        "nothing is decided until you confirm",
        "or stop them: http",
    ):
        assert words in mail.text


def test_mail_marks_originals_that_were_not_restored(post_office: PostOffice) -> None:
    notify(edit(), edit("Ada Live", is_restored=False))

    mail = post_office.mail()
    for part in (mail.text, mail.html):
        assert "keeps the original values" not in part
        restored, live = re.split("ADA LIVE|Ada Live</h2>", part)
        assert "Not every original was restored" not in restored
        assert "Not every original was restored: the CRM may already hold a proposed value." in live


def test_mail_says_that_originals_are_kept(post_office: PostOffice) -> None:
    notify(edit())

    mail = post_office.mail()
    for part in (mail.text, mail.html):
        assert "The CRM keeps the original values until someone decides." in part
        assert "Not every original was restored" not in part


def test_differences_are_marked_by_inline_styles(post_office: PostOffice) -> None:
    notify(edit())

    html = post_office.mail().html
    assert re.search(r"<del style=\"[^\"]*line-through[^\"]*\">Senior Buyer</del>", html)
    assert re.search(r"<ins style=\"[^\"]*underline[^\"]*\">Head of Procurement</ins>", html)
    assert not re.search(r"<(img|script|link|iframe)\b", html)
    assert "prefers-color-scheme: dark" in html
    assert "max-width: 480px" in html


def test_text_part_describes_kind_of_change(post_office: PostOffice) -> None:
    record = make_record()
    make_field(record, "telephone1", original_value="+47 22 85 50 50", proposed_value="+47 228 55 050")
    notify(record)

    mail = post_office.mail()
    assert re.search(r"Business Phone( \([^()]+\))+\n", mail.text)
    assert "Tag(" not in mail.text + mail.html


def test_outcome_names_put_back_lookup_by_label() -> None:
    old, new = (f"account:{uuid.uuid4()}" for _ in range(2))
    labels = {"original_label": "Halden Trading", "proposed_label": "Alpine Foods"}
    field = make_field(column="parentcustomerid", original_value=old, proposed_value=new, **labels)
    scenes.finished(scenes.approved(field, by=rita()))
    follow_ups.put_back(field.pk, by=rita(), reason="Wrong company")

    (result,) = results(field.record)

    assert result.now is not None
    assert result.now.text == "Halden Trading"


def test_mail_names_earlier_rejection(post_office: PostOffice) -> None:
    first = make_field(proposed_value="Again")
    scenes.finished(scenes.rejected(first, by=rob(), reason_code="not_correct"))
    notify(make_newer_edit(first, proposed="Again").record)

    mail = post_office.mail()
    assert "Job Title (Rejected before by Rob on" in mail.text
    assert "Not correct)" in mail.text
    assert "Rejected before by Rob on" in mail.html


def test_times_use_the_readers_zone(post_office: PostOffice) -> None:
    notify(edit(), reader=people.make_person("Rita", Role.REVIEWER, time_zone="Asia/Tokyo"))

    assert "21 November at 08:30" in post_office.mail().text


def test_mail_uses_date_and_number_formats_of_reader(post_office: PostOffice) -> None:
    record = edit()
    make_field(record, "creditlimit", original_value=None, proposed_value="15000.5")
    make_field(record, "lastonholdtime", original_value=None, proposed_value="2026-07-01T08:00:00Z")
    notify(record, reader=people.make_person("Rita", Role.REVIEWER, time_zone="Europe/Berlin", locale="de-DE"))

    text = post_office.mail().text
    assert "21.11. at 00:30 CET" in text
    assert "15.000,5" in text
    assert "01.07.2026, 10:00 CEST" in text


def asked_editor(*, name: str = "Rita") -> SyncRecord:
    """Send Jonas Weber a question about his edit."""
    record = edit(editor=make_editor(address="jonas@contoso.example"))
    Person.objects.filter(pk=rita().pk).update(name=name)
    collaboration.ask_editor(record.pk, text="Is this her new title?", by=Person.objects.get(name=name))
    send_due()
    return record


def test_editor_gets_question_and_fields_without_links(post_office: PostOffice) -> None:
    asked_editor()

    mail = post_office.mail()
    assert mail.subject == "Rita asks about your edit of Marta Villanueva"
    for words in (
        "asks about your edit of Marta Villanueva in Outlook on 20 November at 23:30 UTC:",
        "Is this her new title?",
        "  Job Title\n    before    Senior Buyer, Packaging\n    entered   Head of Procurement, Packaging",
        "Your reply goes to Rita, rita@brandvik.example.",
    ):
        assert words in mail.text
    assert "http" not in mail.text
    assert "href" not in mail.html


def test_reply_to_header_names_person_who_asked(post_office: PostOffice) -> None:
    asked_editor(name="Rita\r\nBcc: everyone@evil.example")

    headers = post_office.headers()
    assert headers["Reply-To"].addresses[0].addr_spec == "rita@brandvik.example"
    assert "Bcc" not in headers
    assert len(headers.get_all("Reply-To", [])) == 1


def test_editor_mail_can_omit_values(post_office: PostOffice) -> None:
    preferences.change(by=None, mail_values=False)
    asked_editor()

    mail = post_office.mail()
    assert "Job Title" in mail.text
    for part in (mail.text, mail.html):
        assert "Head of Procurement" not in part
        assert "Senior Buyer" not in part


def test_edits_in_one_mail_are_grouped_by_contact(post_office: PostOffice) -> None:
    notify(edit(), edit("Tomasz Wieczorek"))

    mail = post_office.mail()
    assert mail.subject == "2 edits from Outlook are waiting for you"
    assert [mail.text.count(word) for word in ("MARTA VILLANUEVA", "TOMASZ WIECZOREK", "Job Title")] == [1, 1, 2]


def test_long_mail_lists_ten_contacts(post_office: PostOffice) -> None:
    notify(*[edit(f"Contact {number}") for number in range(14)])

    text = post_office.mail().text
    assert text.count("Review:") == 10
    assert "and 4 more edits: http" in text


def test_links_are_short_and_start_with_base_url(post_office: PostOffice, settings: Any) -> None:
    notify(edit())

    found = links_of(post_office.mail().html)
    assert len(found) == 4
    assert all(link.startswith(settings.BASE_URL) and len(link) < 300 for link in found)


def test_mails_can_omit_values(post_office: PostOffice) -> None:
    preferences.change(by=None, mail_values=False)
    notify(edit())

    mail = post_office.mail()
    assert "2 fields" in mail.text
    for words in ("Procurement", "Job Title", "+47"):
        assert words not in mail.text + mail.html


def test_decided_edits_are_left_out_of_mail(post_office: PostOffice) -> None:
    marta, tomasz = edit(), edit("Tomasz Wieczorek")
    Person.objects.filter(pk=rita().pk).update(notified_until=0)
    arrivals.record([marta.pk, tomasz.pk])
    notification_rules.notify_new_edits()
    for field in marta.fields.all():
        scenes.approved(field, by=rob())
    send_due()

    assert "MARTA" not in post_office.mails()[0].text


def test_outdated_mail_is_not_sent(post_office: PostOffice) -> None:
    record = edit()
    Person.objects.filter(pk=rita().pk).update(notified_until=0)
    arrivals.record([record.pk])
    notification_rules.notify_new_edits()
    for field in record.fields.all():
        scenes.approved(field, by=rob())
    send_due()

    assert post_office.mails() == []
    assert Message.objects.get().last_error == sending.NOTHING_TO_SAY


def test_headers_prevent_automatic_replies(post_office: PostOffice) -> None:
    message = notify(edit())

    headers = post_office.headers()
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["X-Auto-Response-Suppress"] == "All"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert re.fullmatch(r"<http[^>]+/mails/[^>]+>", headers["List-Unsubscribe"])
    assert headers["Message-ID"] == f"<{message.pk}@127.0.0.1>"


def test_mails_about_one_edit_share_a_thread(post_office: PostOffice) -> None:
    record = edit()
    notify(record)
    collaboration.ask(record.pk, colleague=rita(), text="Is this the same Marta?", by=rob())
    send_due()

    first, second = post_office.headers(0), post_office.headers(1)
    assert first["References"] == first["In-Reply-To"] == second["References"] == second["In-Reply-To"]
    assert first["Message-ID"] != second["Message-ID"]


def test_name_cannot_inject_headers(post_office: PostOffice) -> None:
    notify(edit("Marta\r\nBcc: everybody@contoso.example"))

    headers = post_office.headers()
    assert headers["Bcc"] is None
    assert "Marta[line break (CR LF)]Bcc: everybody@contoso.example" in headers["Subject"]


def test_markup_in_values_is_escaped(post_office: PostOffice) -> None:
    record = make_record("<b>Marta</b>")
    make_field(record, "jobtitle", original_value="", proposed_value="<script>alert(1)</script>")
    notify(record)

    html = post_office.mail().html
    assert "<script>" not in html
    assert "&lt;b&gt;Marta&lt;/b&gt;" in html


def test_reminder_omits_values(post_office: PostOffice) -> None:
    rita()
    record = edit()
    messages.queue("overdue", to=rita(), details={"records": [str(record.pk)], "count": 1})
    send_due()

    mail = post_office.mail()
    assert mail.subject == "Reminder: Marta Villanueva is waiting for a decision"
    assert "Procurement" not in mail.text
    assert "Review:  http" in mail.text


def test_question_and_reply_are_mailed(post_office: PostOffice) -> None:
    record = edit()
    question = collaboration.ask(record.pk, colleague=rob(), text="Is this the same Marta?", by=rita())
    collaboration.answer(question.pk, text="Yes, she moved.", by=rob())
    send_due()

    asked, answered = post_office.mails()
    assert (asked.recipients, asked.subject) == ("rob@brandvik.example", "Rita asks you about Marta Villanueva")
    assert "Is this the same Marta?" in asked.text
    assert (answered.recipients, answered.subject) == ("rita@brandvik.example", "Rob replied about Marta Villanueva")
    assert "Yes, she moved." in answered.html


def test_editor_gets_results_with_reasons(post_office: PostOffice) -> None:
    preferences.change(by=None, tell_editors=True)
    record = edit(editor=make_editor(address="jonas@contoso.example"))
    title, fax = record.fields.get(column_name="jobtitle"), record.fields.get(column_name="fax")
    scenes.finished(scenes.approved(title, by=rita()), DecisionState.WRITTEN)
    scenes.finished(scenes.rejected(fax, by=rita(), reason_code="other", reason="The fax still works"))
    notification_rules.notify_editors([record.pk])
    send_due()

    mail = post_office.mail()
    assert (mail.recipients, mail.subject) == (
        "jonas@contoso.example",
        "Your edit of Marta Villanueva: partly approved",
    )
    assert "Job Title: Approved" in mail.text
    assert "Fax: Rejected\n    why       The fax still works" in mail.text
    assert not [link for link in links_of(mail.html) if "/l/" in link], "the editor need not have access"


def test_operators_get_mail_about_trouble_and_resolution(post_office: PostOffice) -> None:
    details = {"code": "crm_unreachable", "text": "The CRM does not answer.", "since": "22 November 2026, 09:00 UTC"}
    for over in (False, True):
        messages.queue("operations", to="ops@contoso.example", details={**details, "over": over})
        send_due()

    wrong, over_again = post_office.mails()
    assert wrong.subject == "Outlook Sync, Demo: The CRM does not answer."
    assert over_again.subject == "Outlook Sync, Demo: resolved: The CRM does not answer."
    assert post_office.headers(0)["References"] == post_office.headers(1)["References"]
