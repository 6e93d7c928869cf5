"""Recommendations for users whose appointments reach Outlook twice or not at all, by cause."""

from __future__ import annotations

from django.db import models

from syncapp.models.sync_filters.user import Cause


class Recommendation(models.TextChoices):
    """The change that ends duplicate or missing appointments."""

    FILTERS_OFF = "filters_off", "Switch the filters off"
    METHOD_NONE = "method_none", "Set the synchronization method to None"
    ADD_IN = "add_in", "Remove the Outlook add-in"
    PRODUCT = "product", "Take the user out of the other product"
    FILTERS_ON = "filters_on", "Switch the filters on"
    SET_UP = "set_up", "Have the user set up filters"
    METHOD_SERVER = "method_server", "Set the synchronization method to Server-side"
    MAILBOX = "mailbox", "Fix the mailbox in the CRM"
    READ = "read", "Read again"
    NOTHING = "nothing", "Nothing to do"


_RECOMMENDATIONS = {
    Cause.SERVER_AND_PRODUCT: Recommendation.METHOD_NONE,
    Cause.CLIENT_AND_PRODUCT: Recommendation.FILTERS_OFF,
    Cause.SERVER_AND_CLIENT: Recommendation.ADD_IN,
    Cause.PRODUCTS: Recommendation.PRODUCT,
    Cause.FILTERS_OFF: Recommendation.FILTERS_ON,
    Cause.NOT_SET_UP: Recommendation.SET_UP,
    Cause.METHOD_NONE: Recommendation.METHOD_SERVER,
    Cause.NO_MAILBOX: Recommendation.MAILBOX,
    Cause.MAILBOX_OFF: Recommendation.MAILBOX,
    Cause.NOT_APPROVED: Recommendation.MAILBOX,
    Cause.UNREAD: Recommendation.READ,
}


def recommend(cause: Cause, *, system_selects: bool) -> Recommendation:
    """Return the recommendation for a cause.

    `system_selects`: a system filter selects appointments, regardless of the user's own filters.

    For a server-side mailbox, recommend changing the method rather than the filters: items that no filter selects any
    longer are deleted from the mailbox, and cancellations may be sent.
    """
    if cause is Cause.CLIENT_AND_PRODUCT and system_selects:
        return Recommendation.PRODUCT
    return _RECOMMENDATIONS.get(cause, Recommendation.NOTHING)
