"""The privileges that the portal's application user needs, each with its reason.

The check compares them with those held, the setup creates a security role with them, and the documents list them.
Sources of names and levels: "Security roles and privileges", "Miscellaneous privileges" and the tables' reference
pages. All are needed for the whole organization: change tracking requires it for reading ("Use change tracking to
synchronize data with external systems"), and rows of any owner are written.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from syncapp.crm.names import Names

# The level of access as `RetrieveUserPrivileges` names it: the whole organization.
ORGANIZATION = "Global"


class Purpose(StrEnum):
    """The purpose of a privilege."""

    REVIEW = "review"
    FILTERS = "filters"
    CAPTURE = "capture"


@dataclass(frozen=True, slots=True)
class Privilege:
    """A privilege for the whole organization; `reason` completes the sentence "Needed to ...".

    If a privilege that is not `required` is missing, only the part named in its reason fails. `instead` is a privilege
    that can replace it.
    """

    name: str
    title: str
    purposes: tuple[Purpose, ...]
    reason: str
    required: bool = True
    instead: str = ""

    @property
    def key(self) -> str:
        """Return the name for comparisons, in lower case, because whoever created a custom table chose its spelling."""
        return self.name.lower()


_REVIEW, _FILTERS, _CAPTURE = (Purpose.REVIEW,), (Purpose.FILTERS,), (Purpose.CAPTURE,)
_BOTH = (Purpose.REVIEW, Purpose.FILTERS)
ADMIN_FILTER, ACT_FOR_OTHERS = "prvAdminFilter", "prvActOnBehalfOfAnotherUser"

_BUILT_IN = (
    Privilege("prvReadOrganization", "Read organization", _BOTH, "recognize the CRM and read its settings"),
    Privilege("prvReadUser", "Read user", _BOTH, "show names and list all users who have filters"),
    Privilege("prvReadRole", "Read security role", _BOTH, "distinguish users who may use the CRM from others"),
    Privilege("prvReadBusinessUnit", "Read business unit", _FILTERS, "list users by business unit"),
    Privilege("prvReadTeam", "Read team", _FILTERS, "list users by team"),
    Privilege("prvReadEntity", "Read table definition", _BOTH, "read which tables exist and how they are set up"),
    Privilege("prvReadAttribute", "Read column definition", _BOTH, "read the types and labels of columns"),
    Privilege("prvReadRelationship", "Read relationship definition", _BOTH, "read the tables to which lookups refer"),
    Privilege("prvReadOptionSet", "Read choice definition", _BOTH, "read the labels of choices"),
    Privilege(
        "prvReadEntityKey",
        "Read key definition",
        _REVIEW,
        "check the alternate key of the staging table",
        required=False,
    ),
    Privilege(
        ADMIN_FILTER,
        "Manage user synchronization filters",
        _FILTERS,
        "read and switch other users’ filters",
        instead=ACT_FOR_OTHERS,
    ),
    Privilege(
        ACT_FOR_OTHERS,
        "Act on behalf of another user",
        _FILTERS,
        "switch filters where direct access is refused, and count what a user’s filter selects",
        required=False,
    ),
    Privilege("prvReadUserQuery", "Read saved view", _FILTERS, "read filters"),
    Privilege("prvWriteUserQuery", "Write saved view", _FILTERS, "switch filters on and off"),
    Privilege("prvReadQuery", "Read view", _FILTERS, "read the filters that apply to all users"),
    Privilege("prvReadMailbox", "Read mailbox", _FILTERS, "see how each mailbox synchronizes"),
    Privilege(
        "prvWriteMailbox", "Write mailbox", _FILTERS, "set the synchronization method of a mailbox", required=False
    ),
    Privilege("prvReadActivity", "Read activity", _FILTERS, "find meetings that switching off may cancel"),
    Privilege("prvReadContact", "Read contact", (*_BOTH, Purpose.CAPTURE), "show what the CRM holds now"),
    Privilege("prvWriteContact", "Write contact", _REVIEW, "write approved values"),
    Privilege("prvAppendContact", "Append contact", _REVIEW, "write a contact’s company"),
    Privilege("prvAppendToContact", "Append to contact", (*_REVIEW, Purpose.CAPTURE), "write a lookup to a contact"),
    Privilege("prvReadAccount", "Read account", _BOTH, "show and choose companies"),
    Privilege("prvAppendToAccount", "Append to account", _REVIEW, "write a contact’s company"),
    Privilege("prvReadAuditSummary", "View audit summary", _CAPTURE, "list changes to contacts", required=False),
    Privilege(
        "prvReadRecordAuditHistory", "View audit history", _CAPTURE, "read the values of a change", required=False
    ),
)
# Verbs of privileges that can change, delete or give away data.
_CHANGES_DATA = re.compile(
    r"prv(create|write|delete|assign|share|append|publish|import|bulk|merge|bypass|disable|promote|configure)"
)


def needed(names: Names) -> tuple[Privilege, ...]:
    """Return every privilege that the portal uses, in the order in which they are listed."""
    record, field = names.record_table, names.field_table
    return (
        *_BUILT_IN,
        Privilege(
            f"prvRead{record}", "Read sync record", (*_REVIEW, Purpose.CAPTURE), "read the edits that are waiting"
        ),
        Privilege(f"prvWrite{record}", "Write sync record", _REVIEW, "close an edit that has been decided"),
        Privilege(
            f"prvRead{field}", "Read sync field", (*_REVIEW, Purpose.CAPTURE), "read the values that are waiting"
        ),
        Privilege(f"prvWrite{field}", "Write sync field", _REVIEW, "mark a value as decided"),
        *(
            Privilege(f"prv{verb}{table}", f"{title} {label}", _CAPTURE, reason, required=False)
            for verb, table, title, label, reason in (
                ("Create", record, "Create", "sync record", "stage edits found in the audit log"),
                ("Append", record, "Append", "sync record", "link an edit with its contact"),
                ("AppendTo", record, "Append to", "sync record", "link values with their edit"),
                ("Create", field, "Create", "sync field", "stage edits found in the audit log"),
                ("Append", field, "Append", "sync field", "link values with their edit"),
            )
        ),
    )


def not_needed(held: Collection[str], names: Names) -> tuple[str, ...]:
    """Return the held privileges that the portal does not use and that could change or delete data, sorted."""
    used = {privilege.key for privilege in needed(names)}
    return tuple(sorted(name for name in held if name.lower() not in used and _CHANGES_DATA.match(name.lower())))
