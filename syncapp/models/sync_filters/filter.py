"""Outlook filters of users, system filters, and the access to filters that the CRM allows the portal."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from syncapp.crm.filters.records import QueryType


class FilterRowQuerySet(models.QuerySet["FilterRow"]):
    """Named reads of filters."""

    def for_outlook(self) -> FilterRowQuerySet:
        """Return the filters that can be switched here; offline filters belong to the old add-in."""
        return self.filter(query_type=QueryType.OUTLOOK_FILTER)


class FilterRow(models.Model):
    """The mirror of a `userquery` that is an Outlook or offline filter. `state` 0 is on, 1 is off.

    `modified_for_by` made the last change as `modified_by` (impersonation); empty if that user made it themselves.
    """

    id = models.UUIDField(primary_key=True, help_text="userqueryid")
    owner_id = models.UUIDField()
    owner_table = models.CharField(max_length=20, default="systemuser")
    name = models.CharField(max_length=200, blank=True)
    table = models.CharField(max_length=128)
    query_type = models.IntegerField()
    fetch_xml = models.TextField(blank=True)
    state = models.SmallIntegerField()
    status = models.SmallIntegerField()
    parent_id = models.UUIDField(null=True, blank=True)
    modified_by = models.UUIDField(null=True, blank=True)
    modified_for_by = models.UUIDField(null=True, blank=True)
    modified_on = models.DateTimeField(null=True, blank=True)
    version = models.BigIntegerField(default=0)
    etag = models.CharField(max_length=100, blank=True)
    read_at = models.DateTimeField()

    objects = FilterRowQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["owner_id", "table"], name="filter_row_owner")]
        constraints = [models.CheckConstraint(name="filter_is_on_or_off", condition=Q(state__in=[0, 1]))]

    def __str__(self) -> str:
        return self.name

    @property
    def is_on(self) -> bool:
        """Return whether the filter selects rows."""
        return self.state == 0


class SystemFilter(models.Model):
    """The mirror of a `savedquery`: a filter for all users, or a template for new users. Never switched here."""

    id = models.UUIDField(primary_key=True, help_text="savedqueryid")
    name = models.CharField(max_length=200, blank=True)
    table = models.CharField(max_length=128)
    query_type = models.IntegerField()
    fetch_xml = models.TextField(blank=True)
    is_default = models.BooleanField(default=False)
    state = models.SmallIntegerField()
    read_at = models.DateTimeField()
    generation = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.name

    @property
    def is_template(self) -> bool:
        """Return whether the filter is copied for new users instead of applying to everyone."""
        return self.query_type in (QueryType.OFFLINE_TEMPLATE, QueryType.OUTLOOK_TEMPLATE)


class Access(models.TextChoices):
    """The kind of access to other users' filters."""

    UNKNOWN = "", "Not known yet"
    DIRECT = "direct", "With the portal’s own permission"
    ACTING = "acting", "As the owner"
    NONE = "none", "No access works"


class FilterAccess(models.Model):
    """Capabilities and permissions of this CRM, as last probed; a single row.

    `keeps_deletes_apart`: None means unknown, and is treated as False. `keeps_versions`: If-Match works for filters.
    """

    slot = models.PositiveSmallIntegerField(primary_key=True, default=1)
    reading = models.CharField(max_length=8, choices=Access, default=Access.UNKNOWN, blank=True)
    writing = models.CharField(max_length=8, choices=Access, default=Access.UNKNOWN, blank=True)
    keeps_deletes_apart = models.BooleanField(null=True)
    keeps_versions = models.BooleanField(default=False)
    own_user_id = models.UUIDField(null=True, blank=True)
    reading_probed_at = models.DateTimeField(null=True, blank=True)
    writing_probed_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "syncapp_filterground"
        constraints = [models.CheckConstraint(name="only_one_filter_ground", condition=Q(slot=1))]

    def __str__(self) -> str:
        return f"filters: reading {self.reading or 'unknown'}, writing {self.writing or 'unknown'}"
