"""The CRM's users, teams and business units as filter management mirrors them, with each user's cells of the matrix."""

from __future__ import annotations

from django.db import models

from syncapp.crm.directory.records import ActingFor, SyncMethod, TeamKind
from syncapp.models.folding import folded, searchable
from syncapp.models.sync_filters.tables import Cell


class SyncPaths(models.TextChoices):
    """The number of paths by which appointments get from the CRM to a user's Outlook, as far as the CRM shows."""

    TWICE = "twice", "Twice"
    ONCE = "once", "Once"
    NOT_AT_ALL = "none", "Not at all"
    UNKNOWN = "unknown", "Not known"


class Cause(models.TextChoices):
    """The reason for a user's number of sync paths (mirror/filters/sync_paths.py)."""

    SERVER_AND_PRODUCT = "server_product", "Server-side synchronization, and another product"
    CLIENT_AND_PRODUCT = "client_product", "Outlook add-in with filters on, and another product"
    SERVER_AND_CLIENT = "server_client", "Server-side synchronization, and the Outlook add-in"
    PRODUCTS = "products", "Two other products"
    SERVER = "server", "Server-side synchronization"
    CLIENT = "client", "Outlook add-in"
    PRODUCT = "product", "Another product only"
    DISABLED = "disabled", "Disabled user"
    NO_ROLE = "no_role", "No role in the CRM"
    NO_MAILBOX = "no_mailbox", "No mailbox in the CRM"
    MAILBOX_OFF = "mailbox_off", "Mailbox deactivated"
    METHOD_NONE = "method_none", "Synchronization method None"
    NOT_SET_UP = "not_set_up", "No appointment filter set up"
    FILTERS_OFF = "filters_off", "Appointment filters off"
    NOT_APPROVED = "not_approved", "Mailbox not approved or not enabled"
    UNREAD = "unread", "Not read yet"


class FilterUnit(models.Model):
    """The mirror of a business unit."""

    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=400)
    parent_id = models.UUIDField(null=True, blank=True)
    generation = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class FilterTeam(models.Model):
    """The mirror of a team. `kind` is a TeamKind; Entra fills some kinds of teams only as their members sign in."""

    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=400)
    kind = models.PositiveSmallIntegerField(default=0)
    is_default = models.BooleanField(default=False)
    unit_id = models.UUIDField(null=True, blank=True)
    has_roles = models.BooleanField(default=False)
    filters_read_at = models.DateTimeField(null=True, blank=True)
    generation = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.name

    @property
    def is_managed_by_entra(self) -> bool:
        """Return whether the list of members may be incomplete."""
        return self.kind in (TeamKind.ENTRA_SECURITY_GROUP, TeamKind.ENTRA_OFFICE_GROUP)


class FilterMembership(models.Model):
    """One user in one team, by the CRM's ids, because memberships can be read before users and teams."""

    team_id = models.UUIDField()
    user_id = models.UUIDField()
    generation = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team_id", "user_id"], name="one_membership")]
        indexes = [models.Index(fields=["user_id"], name="membership_of_user")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.team_id}"


def search_words_of(*, name: str, address: str, login: str) -> str:
    """Return the value of `FilterUser.search_words`; address and login are one word each."""
    return " ".join((searchable(name), folded(address), folded(login)))


class FilterUserQuerySet(models.QuerySet["FilterUser"]):
    """Named reads of users."""

    def people(self) -> FilterUserQuerySet:
        """Return human users; application users have no Outlook."""
        return self.filter(is_application=False)

    def with_add_in(self) -> FilterUserQuerySet:
        """Return users whose appointments the Outlook add-in synchronizes, alone or in addition to the server."""
        traces = models.Q(incoming=1) | models.Q(outgoing=1) | models.Q(offline_on__gt=0)
        beside_server = models.Q(method=SyncMethod.SERVER_SIDE) & traces
        return self.filter(models.Q(method=SyncMethod.OUTLOOK) | beside_server, mailbox_state=0)


class FilterUser(models.Model):
    """The mirror of a user and their mailbox, with search keys, matrix cells and sync paths computed from it.

    Mailbox columns are those of crm.directory.records.Mailbox; `mailbox_id` None means that none was found.
    """

    id = models.UUIDField(primary_key=True, help_text="systemuserid")
    name = models.CharField(max_length=400, blank=True)
    address = models.CharField(max_length=320, blank=True)
    login = models.CharField(max_length=320, blank=True)
    entra_id = models.UUIDField(null=True, blank=True)
    is_disabled = models.BooleanField(default=False)
    is_application = models.BooleanField(default=False)
    access_mode = models.SmallIntegerField(default=0)
    has_own_roles = models.BooleanField(default=False)
    has_team_roles = models.BooleanField(default=False)
    unit_id = models.UUIDField(null=True, blank=True, db_index=True)
    unit_name = models.CharField(max_length=400, blank=True)
    read_at = models.DateTimeField()
    generation = models.PositiveIntegerField(default=0)

    mailbox_id = models.UUIDField(null=True, blank=True)
    mailbox_etag = models.CharField(max_length=100, blank=True)
    mailbox_state = models.SmallIntegerField(default=0)
    method = models.SmallIntegerField(null=True, blank=True)
    enabled_for_act = models.BooleanField(default=False)
    act_status = models.SmallIntegerField(default=0)
    incoming = models.SmallIntegerField(default=0)
    outgoing = models.SmallIntegerField(default=0)
    approval = models.SmallIntegerField(default=0)
    syncs_here = models.BooleanField(default=False)
    mailbox_read_at = models.DateTimeField(null=True, blank=True)

    name_key = models.CharField(max_length=200, blank=True)
    address_key = models.CharField(max_length=320, blank=True)
    search_words = models.TextField(  # noqa: DJ001  (None: the previous release's rows have none)
        null=True, blank=True, help_text="Search words of the name, the address and the login (models/folding.py)."
    )
    appointments = models.CharField(max_length=6, choices=Cell, default=Cell.UNREAD)
    contacts = models.CharField(max_length=6, choices=Cell, default=Cell.UNREAD)
    tasks = models.CharField(max_length=6, choices=Cell, default=Cell.UNREAD)
    other = models.CharField(max_length=6, choices=Cell, default=Cell.UNREAD)
    tables = models.JSONField(default=dict, help_text="Per table: filters that are on, and all filters.")
    offline_on = models.PositiveSmallIntegerField(default=0)
    paths = models.CharField(max_length=8, choices=SyncPaths, default=SyncPaths.UNKNOWN, db_column="reach")
    cause = models.CharField(max_length=16, choices=Cause, default=Cause.UNREAD, db_default=Cause.UNREAD)
    products = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="The number of other products' lists that name the user."
    )
    filters_read_at = models.DateTimeField(null=True, blank=True)
    filters_error = models.CharField(max_length=40, blank=True)
    filters_due = models.BooleanField(
        default=False, db_default=False, help_text="New or changed since their filters were read."
    )

    # Not a column: why the user, the mailbox or a filter cannot be read (mirror.unreadable.problems_of_owners).
    unreadable = ""

    objects = FilterUserQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["name_key", "id"], name="filter_user_name", condition=models.Q(is_application=False)),
            models.Index(fields=["address_key"], name="filter_user_address"),
            models.Index(fields=["appointments", "name_key", "id"], name="filter_user_appointments"),
            models.Index(fields=["paths", "name_key", "id"], name="filter_user_reach"),
            models.Index(fields=["cause", "name_key", "id"], name="filter_user_cause"),
            models.Index(
                fields=["unit_id", "paths", "cause"], name="filter_user_risk", condition=models.Q(is_application=False)
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def acting(self) -> ActingFor:
        """Return the identity needed for calls as this user."""
        return ActingFor(self.id, self.entra_id)

    @property
    def has_roles(self) -> bool:
        """Return whether the user has a role in the CRM, of their own or through a team."""
        return self.has_own_roles or self.has_team_roles

    @property
    def is_server_side(self) -> bool:
        """Return whether the CRM itself synchronizes the user's appointments, contacts and tasks."""
        return self.method == SyncMethod.SERVER_SIDE and self.mailbox_state == 0

    @property
    def uses_add_in(self) -> bool:
        """Return whether the Outlook add-in synchronizes the user's appointments, alone or together with the server."""
        beside_server = self.is_server_side and self.has_old_client
        return beside_server or (self.method == SyncMethod.OUTLOOK and self.mailbox_state == 0)

    @property
    def is_approved(self) -> bool:
        """Return whether the mailbox's address is approved for server-side synchronization, or needs no approval."""
        return self.approval in (0, 1)

    @property
    def has_old_client(self) -> bool:
        """Return whether there are traces of the old add-in: e-mail through it, or active offline filters."""
        return 1 in (self.incoming, self.outgoing) or self.offline_on > 0
