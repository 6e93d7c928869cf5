"""What the portal says about how often a user's appointments reach Outlook, why, and what helps."""

from __future__ import annotations

from syncapp.models.sync_filters.user import Cause, SyncPaths
from syncapp.sync_filters.inventory.recommendations import Remedy

VERDICTS = {
    SyncPaths.TWICE: ("twice", "Appointments reach this Outlook twice"),
    SyncPaths.ONCE: ("check", "Appointments reach this Outlook once"),
    SyncPaths.NOT_AT_ALL: ("minus", "Appointments do not reach this Outlook"),
    SyncPaths.UNKNOWN: ("clock", "Whether appointments reach this Outlook is not known"),
}
BECAUSE = {
    Cause.SERVER_AND_PRODUCT: "because the CRM’s server-side synchronization brings what the filters select, and "
    "another product brings them as well.",
    Cause.CLIENT_AND_PRODUCT: "because the Outlook add-in brings what the filters select, and another product brings "
    "them as well.",
    Cause.SERVER_AND_CLIENT: "because server-side synchronization brings what the filters select, and there are traces "
    "of the old Outlook add-in on top: e-mail by it, or offline filters that are on.",
    Cause.PRODUCTS: "because two other products name this user; the CRM itself brings nothing.",
    Cause.SERVER: "because a filter is on, and the CRM’s server-side synchronization brings what it selects.",
    Cause.CLIENT: "because a filter is on, and the Outlook add-in brings what it selects while Outlook runs.",
    Cause.PRODUCT: "because another product names this user; the CRM itself brings nothing.",
    Cause.DISABLED: "because the user is disabled in the CRM. The filters stay as they are.",
    Cause.NO_ROLE: "because the user has no role in the CRM, own or by a team.",
    Cause.NO_MAILBOX: "because the CRM has no mailbox for this user.",
    Cause.MAILBOX_OFF: "because the mailbox is deactivated in the CRM.",
    Cause.METHOD_NONE: "because the mailbox method is None: the CRM synchronizes no appointments, contacts and tasks.",
    Cause.NOT_SET_UP: "because the user has no filter for appointments. Without one, nothing of a table synchronizes.",
    Cause.FILTERS_OFF: "because every appointment filter is off.",
    Cause.NOT_APPROVED: "because the mailbox’s address is not approved in the CRM, or the mailbox is not enabled for "
    "appointments, contacts and tasks.",
    Cause.UNREAD: "because this user’s filters have not been read yet.",
}
HELPS = {
    Remedy.FILTERS_OFF: "The other product goes on bringing them.",
    Remedy.METHOD_NONE: "Not the filters: what leaves every filter is deleted in a server-side mailbox. The method "
    "holds for contacts and tasks too.",
    Remedy.ADD_IN: "On the user’s computer; or set the mailbox method to Outlook. With filters off, both ways end.",
    Remedy.PRODUCT: "In that product’s own administration; then bring its new list here.",
    Remedy.FILTERS_ON: "If appointments are wanted in Outlook.",
    Remedy.SET_UP: "In the personal options of the CRM, where filters are made from templates.",
    Remedy.METHOD_SERVER: "If appointments are wanted in Outlook.",
    Remedy.MAILBOX: "An administrator of the CRM makes, approves or enables it.",
    Remedy.READ: "Whoever could not be read is tried again with the next reading.",
    Remedy.NOTHING: "",
}
# What the form in front of a run is opened with, for the remedies that a run brings.
WANTED = {
    Remedy.FILTERS_OFF: "off",
    Remedy.FILTERS_ON: "on",
    Remedy.METHOD_NONE: "method-2",
    Remedy.METHOD_SERVER: "method-1",
}
