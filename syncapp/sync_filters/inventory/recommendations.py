"""Which lever is the right one for a user, by the reason why his appointments reach Outlook as often as they do."""

from __future__ import annotations

from django.db import models

from syncapp.models.sync_filters.user import Cause


class Remedy(models.TextChoices):
    """What helps."""

    FILTERS_OFF = "filters_off", "Switch the filters off"
    METHOD_NONE = "method_none", "Set the mailbox method to None"
    ADD_IN = "add_in", "Remove the old add-in"
    PRODUCT = "product", "Take the user out of the other product"
    FILTERS_ON = "filters_on", "Switch the filters on"
    SET_UP = "set_up", "Have the user set up filters"
    METHOD_SERVER = "method_server", "Set the mailbox method to Server-side"
    MAILBOX = "mailbox", "Mend the mailbox in the CRM"
    READ = "read", "Read again"
    NOTHING = "nothing", "Nothing to do"


_REMEDIES = {
    Cause.SERVER_AND_PRODUCT: Remedy.METHOD_NONE,
    Cause.CLIENT_AND_PRODUCT: Remedy.FILTERS_OFF,
    Cause.SERVER_AND_CLIENT: Remedy.ADD_IN,
    Cause.PRODUCTS: Remedy.PRODUCT,
    Cause.FILTERS_OFF: Remedy.FILTERS_ON,
    Cause.NOT_SET_UP: Remedy.SET_UP,
    Cause.METHOD_NONE: Remedy.METHOD_SERVER,
    Cause.NO_MAILBOX: Remedy.MAILBOX,
    Cause.MAILBOX_OFF: Remedy.MAILBOX,
    Cause.NOT_APPROVED: Remedy.MAILBOX,
    Cause.UNREAD: Remedy.READ,
}


def remedy_of(cause: Cause, *, everybody_selects: bool) -> Remedy:
    """The lever for this reason. `everybody_selects`: a system filter selects appointments, so own ones change nothing.

    For a mailbox that synchronizes server-side it is the method and not the filter: what leaves every filter is deleted
    there, and cancellations may go out.
    """
    if cause is Cause.CLIENT_AND_PRODUCT and everybody_selects:
        return Remedy.PRODUCT
    return _REMEDIES.get(cause, Remedy.NOTHING)
