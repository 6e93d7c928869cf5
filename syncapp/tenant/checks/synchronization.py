"""Checks of the synchronization with Outlook: its signing user, and facts that only a real mailbox can show."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings

from syncapp.crm.audits.records import AuditEntry
from syncapp.crm.directory.records import SyncMethod
from syncapp.crm.errors import CrmError, Forbidden
from syncapp.crm.staging.records import ColumnType
from syncapp.models import FilterUser
from syncapp.tenant.checks.context import Context
from syncapp.tenant.checks.findings import CAPTURE, FILTERS, Answer, Check, Level, not_asked, ok
from syncapp.tenant.checks.words import abbreviated, answer_text
from syncapp.text.localization import number

GROUP = "Outlook synchronization"
_DAYS = 7
# Column types whose format in the list of changed columns is not documented.
_UNSEEN = {
    ColumnType.DATE: "a date",
    ColumnType.MONEY: "an amount",
    ColumnType.CHOICES: "several choices",
}
_TEST = "Change a contact in Outlook, wait until the CRM shows it, then check again."


def _signing_user(context: Context) -> UUID | None:
    found = context.users_named(settings.CRM_SYNC_USER)
    return found[0] if found else None


def signing_user(context: Context) -> Answer:
    """Find the user in whose name server-side synchronization signs changes."""
    found = context.users_named(settings.CRM_SYNC_USER)
    if len(found) == 1:
        return ok(f"{settings.CRM_SYNC_USER} exists", "Outlook edits can carry its signature.")
    if found:
        meaning = "It is not known which of them signs. Outlook edits are recognized by other evidence."
        remedy = "Add the right one in Settings, Capture, Signing users and programs."
        return Answer(Level.WARNING, f"{len(found)} users have this name", meaning, remedy)
    meaning = "Microsoft may not have moved this environment yet. Outlook edits are recognized by other evidence."
    remedy = "If it has another name here, set CRM_SYNC_USER, or add it in Settings, Capture."
    return Answer(Level.WARNING, f"no user {settings.CRM_SYNC_USER}", meaning, remedy)


def signed_changes(context: Context) -> Answer:
    """Count the contacts whose last change was made within the last _DAYS days and carries the signature."""
    user = _signing_user(context)
    if user is None:
        return not_asked("not checked: there is no such user", "It is checked once the user exists.")
    count = context.crm.contact_changes.count_signed(user, since=datetime.now(UTC) - timedelta(days=_DAYS))
    answer = f"{number(count)} contact changes in {_DAYS} days"
    if count:
        return ok(answer, "Outlook edits can be distinguished from those of forms and programs.")
    meaning = "Either no one edited a contact in Outlook, or this environment does not sign such edits."
    return Answer(Level.WARNING, answer, meaning, _TEST)


def audited_caller(context: Context) -> Answer:
    """Read which users are named in the audit entry of a signed change."""
    user = _signing_user(context)
    signed = [each for each in context.latest_changes() if user and each.signed_by == user and each.modified_on]
    if not signed:
        return not_asked(
            "no signed change among the latest", "It can be checked once Outlook has changed a contact.", _TEST
        )
    change = signed[0]
    since = (change.modified_on or datetime.now(UTC)) - timedelta(seconds=5)
    entries = context.crm.audits.entries("contact", since=since, rows=[change.contact_id]).rows
    if not entries:
        meaning = "Entries appear with a delay, or auditing is off."
        return not_asked(
            "its entry is not in the audit log", meaning, "Check again in a few minutes.", tried="Listed its entries"
        )
    if entries[-1].calling_user_id == user:
        return ok(f"calling user {settings.CRM_SYNC_USER}", "Outlook edits are recognized in the audit log.")
    answer = f"user {entries[-1].user_id}, calling user {entries[-1].calling_user_id or 'empty'}"
    meaning = "The audit log does not show that Outlook made the edit; the contact’s own columns do."
    return Answer(Level.WARNING, answer, meaning)


def _entries(context: Context) -> tuple[AuditEntry, ...]:
    def read() -> tuple[AuditEntry, ...]:
        since = datetime.now(UTC) - timedelta(days=_DAYS)
        return context.crm.audits.entries("contact", since=since, with_change_data=True).rows

    return context.once("change data", read)


def change_data(context: Context) -> Answer:
    """Read the column that lists the changed columns of each audit entry."""
    meaning = "Entries that touch no synchronized column can be skipped without reading their values."
    otherwise = "The values of each entry are read separately, which takes one request per entry."
    try:
        entries = _entries(context)
    except CrmError as error:
        if error.is_transient or isinstance(error, Forbidden):
            raise
        return Answer(Level.WARNING, answer_text(error), otherwise)
    if not entries:
        return not_asked(
            "no entry to read", f"The audit log has no change to a contact in the last {_DAYS} days.", _TEST
        )
    names = sorted({name for entry in entries for name, _ in _changed(entry.change_data)})
    if not names:
        return Answer(Level.WARNING, "empty, or in an unknown format", otherwise)
    return ok(f"found: {abbreviated(names)}", meaning, items=names)


def change_data_forms(context: Context) -> Answer:
    """Show the format of dates, amounts and multiple choices in the list; the values themselves are masked."""
    types = {name: column.type for name, column in context.columns("contact").items()}
    forms: dict[ColumnType, str] = {}
    for entry in _entries(context):
        for name, value in _changed(entry.change_data):
            if types.get(name) in _UNSEEN and value:
                forms.setdefault(types[name], f"{name} {_masked(value)}")
    missing = ", ".join(words for kind, words in _UNSEEN.items() if kind not in forms)
    answer = "; ".join(forms.values())
    if not forms:
        meaning = "These formats are not documented. Values are read from the details of each entry instead."
        remedy = f"Change such columns of a test contact ({missing}), then check again."
        return not_asked("no change to such a column", meaning, remedy, tried="Looked for such columns in the entries")
    meaning = f"Not seen: {missing}." if missing else "All undocumented formats have been seen."
    return ok(answer, f"{meaning} Values are read from the details of each entry.")


def _changed(text: str) -> list[tuple[str, str]]:
    """Return the changed columns with one of their values as text, '' if both are empty."""
    try:
        changed = json.loads(text)["changedAttributes"]
        return [(str(each["logicalName"]), str(each["newValue"] or each["oldValue"] or "")) for each in changed]
    except (ValueError, KeyError, TypeError):
        return []


def _masked(value: str) -> str:
    """Return the format of a value without its content: 1984-05-06 becomes 9999-99-99."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d", "9", value))[:60]


def mailboxes(_context: Context) -> Answer:
    """Count the people whose mailbox is synchronized by the server, as the inventory last read them."""
    people = FilterUser.objects.people().filter(is_disabled=False)
    total = people.count()
    if not total:
        return not_asked(
            "no user has been read yet", "The inventory reads users and mailboxes.", "Wait for it, then check again."
        )
    working = people.filter(method=SyncMethod.SERVER_SIDE, mailbox_state=0).count()
    answer = f"{number(working)} of {number(total)} people"
    if not working:
        meaning = "No mailbox is synchronized by the server, so nothing reaches the CRM from Outlook this way."
        return Answer(Level.WARNING, answer, meaning, "See Filters for the state of each mailbox.")
    return ok(answer, "The others are not synchronized by the server; Filters shows each of them.")


def follows_rejection(_context: Context) -> Answer:
    """Explain how to find out whether Outlook accepts a value that a rejection has restored."""
    meaning = (
        "A rejection restores the CRM’s value. Only a real mailbox shows whether and when Outlook accepts that value, "
        "and whether it sends the rejected value again."
    )
    remedy = (
        "Change the pager of a test contact in Outlook, reject the edit here, and look at Outlook after 15 minutes."
    )
    return not_asked("not tried: it needs a real mailbox", meaning, remedy)


CHECKS = (
    Check("sync-user", "User who signs Outlook edits", GROUP, "Looked for the user by name", signing_user, (CAPTURE,)),
    Check(
        "sync-user-signs", "Signed edits", GROUP, "Counted modifiedonbehalfby of contacts", signed_changes, (CAPTURE,)
    ),
    Check(
        "sync-user-audited",
        "Signature in the audit log",
        GROUP,
        "Looked at the last signed change",
        audited_caller,
        (CAPTURE,),
    ),
    Check(
        "audit-change-data",
        "Changed columns in the audit log",
        GROUP,
        "Read changedata of the last entries",
        change_data,
        (CAPTURE,),
    ),
    Check(
        "audit-change-data-forms",
        "Formats of values in the audit log",
        GROUP,
        "Compared with the types of the columns",
        change_data_forms,
    ),
    Check(
        "mailboxes",
        "Mailboxes synchronized by the server",
        GROUP,
        "Counted what the inventory read",
        mailboxes,
        (FILTERS,),
        asks_crm=False,
    ),
    Check("follows-rejection", "Does Outlook accept a rejection?", GROUP, "Nothing", follows_rejection, asks_crm=False),
)
