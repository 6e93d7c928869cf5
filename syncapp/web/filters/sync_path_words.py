"""Texts about sync paths: how often a user's appointments reach Outlook, the cause, and the recommendation."""

from __future__ import annotations

from syncapp.models.sync_filters.user import Cause, SyncPaths
from syncapp.sync_filters.inventory.recommendations import Recommendation

SUMMARIES = {
    SyncPaths.TWICE: ("twice", "Appointments reach this user’s Outlook twice"),
    SyncPaths.ONCE: ("check", "Appointments reach this user’s Outlook once"),
    SyncPaths.NOT_AT_ALL: ("minus", "Appointments do not reach this user’s Outlook"),
    SyncPaths.UNKNOWN: ("clock", "Whether appointments reach this user’s Outlook is not known"),
}
BECAUSE = {
    Cause.SERVER_AND_PRODUCT: "because the CRM’s server-side synchronization delivers the selected appointments, and "
    "another product delivers them too.",
    Cause.CLIENT_AND_PRODUCT: "because the Outlook add-in delivers the selected appointments, and another product "
    "delivers them too.",
    Cause.SERVER_AND_CLIENT: "because server-side synchronization delivers the selected appointments, and there are "
    "traces of the Outlook add-in: e-mail through it, or active offline filters.",
    Cause.PRODUCTS: "because two other products serve this user; the CRM itself delivers nothing.",
    Cause.SERVER: "because a filter is on, and the CRM’s server-side synchronization delivers what it selects.",
    Cause.CLIENT: "because a filter is on, and the Outlook add-in delivers what it selects while Outlook runs.",
    Cause.PRODUCT: "because another product serves this user; the CRM itself delivers nothing.",
    Cause.DISABLED: "because the user is disabled in the CRM. The filters are not changed.",
    Cause.NO_ROLE: "because the user has no role in the CRM, neither directly nor through a team.",
    Cause.NO_MAILBOX: "because the CRM has no mailbox for this user.",
    Cause.MAILBOX_OFF: "because the mailbox is deactivated in the CRM.",
    Cause.METHOD_NONE: "because the synchronization method is None: the CRM synchronizes no appointments, contacts or "
    "tasks.",
    Cause.NOT_SET_UP: "because the user has no filter for appointments. Without one, nothing of a table synchronizes.",
    Cause.FILTERS_OFF: "because every appointment filter is off.",
    Cause.NOT_APPROVED: "because the mailbox’s address is not approved in the CRM, or the mailbox is not enabled for "
    "appointments, contacts and tasks.",
    Cause.UNREAD: "because this user’s filters have not been read yet.",
}
HELPS = {
    Recommendation.FILTERS_OFF: "The other product continues to deliver them.",
    Recommendation.METHOD_NONE: "Do not switch off the filters instead: server-side synchronization deletes items from "
    "the mailbox once no filter selects them. The method also applies to contacts and tasks.",
    Recommendation.ADD_IN: "Do this on the user’s computer, or set the synchronization method to Outlook. "
    "Switching off the filters would stop both.",
    Recommendation.PRODUCT: "Do this in that product’s administration, then upload its new list here.",
    Recommendation.FILTERS_ON: "Do this if the user wants appointments in Outlook.",
    Recommendation.SET_UP: "They do this in the CRM’s personal options, where filters are created from templates.",
    Recommendation.METHOD_SERVER: "Do this if the user wants appointments in Outlook.",
    Recommendation.MAILBOX: "A CRM administrator creates, approves or enables it.",
    Recommendation.READ: "The next reading tries again.",
    Recommendation.NOTHING: "",
}
# The desired state with which a plan opens, for recommendations that a run can carry out.
WANTED = {
    Recommendation.FILTERS_OFF: "off",
    Recommendation.FILTERS_ON: "on",
    Recommendation.METHOD_NONE: "method-2",
    Recommendation.METHOD_SERVER: "method-1",
}
