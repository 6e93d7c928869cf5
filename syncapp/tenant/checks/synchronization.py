"""Checks of the synchronization with Outlook: who signs what it saves, and what only a real mailbox can show."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings

from syncapp.crm.directory.records import SyncMethod
from syncapp.crm.errors import CrmError
from syncapp.models import FilterUser
from syncapp.tenant.checks.context import Context
from syncapp.tenant.checks.findings import CAPTURE, FILTERS, Answer, Check, Level, not_asked, ok
from syncapp.tenant.checks.words import came_back
from syncapp.text.localization import number

GROUP = "Outlook synchronization"
_DAYS = 7
_TEST = "Change a contact in Outlook, wait until the CRM shows it, then check again."


def _user(context: Context) -> UUID | None:
    found = context.sync_users(settings.CRM_SYNC_USER)
    return found[0] if found else None


def present(context: Context) -> Answer:
    """Look for the user that signs what server-side synchronization saves."""
    found = context.sync_users(settings.CRM_SYNC_USER)
    if len(found) == 1:
        return ok(f"{settings.CRM_SYNC_USER} is there", "Outlook edits can carry its signature.")
    if found:
        means = "It is not known which of them signs. Edits are told apart by their other marks."
        return Answer(Level.WARNING, f"{len(found)} users have this name", means, "Set CRM_SYNC_USER to the right one.")
    means = "Microsoft may not have moved this environment yet. Outlook edits are told apart by their other marks."
    do = "If it has another name here, set CRM_SYNC_USER."
    return Answer(Level.WARNING, f"no user {settings.CRM_SYNC_USER}", means, do)


def signs(context: Context) -> Answer:
    """Count contacts whose last change it signed in the last days."""
    user = _user(context)
    if user is None:
        return not_asked("not asked, there is no such user", "It is asked as soon as the user exists.")
    count = context.crm.contact_changes.count_signed(user, since=datetime.now(UTC) - timedelta(days=_DAYS))
    answer = f"{number(count)} contact changes in {_DAYS} days"
    if count:
        return ok(answer, "Outlook edits can be told from forms, imports and other programs.")
    means = "Either nobody edited a contact in Outlook, or this environment does not sign such edits."
    return Answer(Level.WARNING, answer, means, _TEST)


def audited_caller(context: Context) -> Answer:
    """Read which users the audit entry of a signed change names."""
    user = _user(context)
    signed = [each for each in context.latest_changes() if user and each.signed_by == user and each.modified_on]
    if not signed:
        return not_asked(
            "no signed change among the last ones", "It can be seen once Outlook has changed a contact.", _TEST
        )
    change = signed[0]
    since = (change.modified_on or datetime.now(UTC)) - timedelta(seconds=5)
    entries = context.crm.audits.entries("contact", since=since, rows=[change.contact_id]).rows
    if not entries:
        means = "Entries appear with a delay, or auditing is off."
        return not_asked(
            "its entry is not in the audit log", means, "Check again in a few minutes.", tried="Listed its entries"
        )
    if entries[-1].calling_user_id == user:
        return ok(
            f"{settings.CRM_SYNC_USER} as the calling user", "Edits captured from the audit log can be told apart."
        )
    answer = f"user {entries[-1].user_id}, calling user {entries[-1].calling_user_id or 'empty'}"
    means = "An entry of the audit log does not tell that Outlook made the edit; the contact’s own columns do."
    return Answer(Level.WARNING, answer, means)


def change_data(context: Context) -> Answer:
    """Read the column of an audit entry that lists the changed columns."""
    entries = context.crm.audits.entries("contact", since=datetime.now(UTC) - timedelta(days=_DAYS), page_size=1).rows
    if not entries:
        return not_asked("no entry to read", f"No change of a contact in {_DAYS} days is in the audit log.", _TEST)
    means = "Entries that touch no synchronized column can be skipped without reading their values."
    otherwise = "The values of each entry are read one by one, which costs a request each."
    try:
        text = context.crm.audits.change_data(entries[0].id)
    except CrmError as error:
        if error.transient:
            raise
        return Answer(Level.WARNING, came_back(error), otherwise)
    names = _changed(text)
    return (
        ok(f"there: {', '.join(names)}", means)
        if names
        else Answer(Level.WARNING, "empty or in another form", otherwise)
    )


def _changed(text: str) -> list[str]:
    try:
        changed = json.loads(text)["changedAttributes"]
        return [str(each["logicalName"]) for each in changed]
    except (ValueError, KeyError, TypeError):
        return []


def mailboxes(_context: Context) -> Answer:
    """Count the people whose mailbox synchronizes, as the inventory last read them."""
    people = FilterUser.objects.people().filter(is_disabled=False)
    total = people.count()
    if not total:
        return not_asked(
            "nobody has been read yet", "The inventory reads users and mailboxes.", "Wait for it, then check again."
        )
    working = people.filter(method=SyncMethod.SERVER_SIDE, mailbox_state=0).count()
    answer = f"{number(working)} of {number(total)} people"
    if not working:
        means = "Nobody’s mailbox is synchronized by the server, so nothing reaches the CRM from Outlook this way."
        return Answer(Level.WARNING, answer, means, "See Filters for the state of each mailbox.")
    return ok(answer, "The others are not synchronized by the server; Filters shows each of them.")


def follows_rejection(_context: Context) -> Answer:
    """Say how to find out whether Outlook takes over a value that was put back."""
    means = (
        "Rejecting puts the CRM’s value back. Whether Outlook takes it over, after how long, and whether it sends the "
        "rejected value again, can only be seen in a real mailbox."
    )
    do = "Change the pager of a test contact in Outlook, reject the edit here, and look at Outlook after 15 minutes."
    return not_asked("not tried, it takes a real mailbox", means, do)


CHECKS = (
    Check("sync-user", "Who signs Outlook edits", GROUP, "Looked for the user by name", present, (CAPTURE,)),
    Check("sync-user-signs", "Signed edits", GROUP, "Counted modifiedonbehalfby of contacts", signs, (CAPTURE,)),
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
        "Read changedata of an entry",
        change_data,
        (CAPTURE,),
    ),
    Check(
        "mailboxes",
        "Synchronized by the server",
        GROUP,
        "Counted what the inventory read",
        mailboxes,
        (FILTERS,),
        asks_crm=False,
    ),
    Check("follows-rejection", "Does Outlook follow a rejection?", GROUP, "Nothing", follows_rejection, asks_crm=False),
)
