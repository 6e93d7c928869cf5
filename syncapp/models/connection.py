"""The connected CRM: its identity, users and columns, the reading positions, circuit breakers and heartbeats."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Connection(models.Model):
    """The CRM that this database belongs to. New connections are read-only."""

    slot = models.PositiveSmallIntegerField(primary_key=True, default=1)
    organization_id = models.UUIDField()
    origin = models.CharField(max_length=300)
    review_writes = models.BooleanField(default=False)
    filter_writes = models.BooleanField(default=False)
    first_contact_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(name="only_one_connection", condition=models.Q(slot=1))]

    def __str__(self) -> str:
        return self.origin


class CrmUser(models.Model):
    """A CRM user who edited a contact; used for names, and to keep people from deciding their own edits."""

    id = models.UUIDField(primary_key=True, help_text="systemuserid")
    name = models.CharField(max_length=400, blank=True)
    name_key = models.CharField(max_length=200, blank=True, db_default="")
    address = models.CharField(max_length=320, blank=True)
    entra_id = models.UUIDField(null=True, blank=True)
    is_disabled = models.BooleanField(default=False)
    read_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class CrmColumn(models.Model):
    """The description of a column, stored so that labels show while the CRM is down."""

    table = models.CharField(max_length=128)
    name = models.CharField(max_length=128)
    label = models.CharField(max_length=400)
    type = models.CharField(max_length=20)
    max_length = models.PositiveIntegerField(null=True)
    precision = models.PositiveSmallIntegerField(null=True)
    minimum = models.CharField(max_length=40, blank=True, default="", db_default="")
    maximum = models.CharField(max_length=40, blank=True, default="", db_default="")
    options = models.JSONField(default=list)
    targets = models.JSONField(default=list)
    navigation = models.JSONField(default=list)
    writable = models.BooleanField(default=False)
    is_zoneless = models.BooleanField(default=False, db_default=False)
    is_shown_as_date = models.BooleanField(default=False, db_default=False)
    read_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["table", "name"], name="one_description_per_column")]

    def __str__(self) -> str:
        return f"{self.table}.{self.name}"


class DailyOperations(models.Model):
    """The operations that all processes sent to the CRM on one day (UTC); each operation of a batch counts."""

    day = models.DateField(primary_key=True)
    number = models.PositiveBigIntegerField(default=0, db_default=0)

    def __str__(self) -> str:
        return f"{self.number} on {self.day}"


class MirrorCursor(models.Model):
    """The reading position of one table, with the lease that lets one process read it at a time."""

    table = models.CharField(max_length=128, primary_key=True)
    next_link = models.TextField(blank=True)
    delta_link = models.TextField(blank=True)
    generation = models.PositiveIntegerField(default=0)
    is_full_read = models.BooleanField(default=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    fencing_token = models.PositiveIntegerField(default=0, db_column="fence")
    pulled_at = models.DateTimeField(null=True, blank=True)
    full_read_at = models.DateTimeField(null=True, blank=True)
    moved_at = models.DateTimeField(null=True, blank=True)
    definitions = models.CharField(
        max_length=100,
        blank=True,
        default="",
        db_default="",
        help_text="The version of the definitions when last read.",
    )
    pages = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Pages read since the reading last began or ended."
    )
    trouble = models.CharField(max_length=300, blank=True, default="", db_default="", help_text="Why reading failed.")
    found_first = models.PositiveIntegerField(null=True, help_text="Edits that were waiting at the first reading.")

    def __str__(self) -> str:
        return f"cursor of {self.table}"


class Breaker(models.Model):
    """A circuit breaker. Closed (normal) without a row or without `opened_at`. `failures` count toward opening it."""

    class Name(models.TextChoices):
        CRM_CREDENTIALS = "crm_credentials", "The CRM refuses the portal's credentials"
        CRM_UNREACHABLE = "crm_unreachable", "The CRM does not answer"
        CRM_THROTTLED = "crm_throttled", "The CRM asked for a pause"
        FORBIDDEN_READ = "forbidden:read", "The CRM forbids reading staged edits"
        FORBIDDEN_REVIEW = "forbidden:review", "The CRM forbids writing reviewed values"
        FORBIDDEN_AUDIT = "forbidden:audit", "The CRM forbids reading its audit log"
        FORBIDDEN_CAPTURE = "forbidden:capture", "The CRM forbids staging edits"
        FORBIDDEN_FILTERS = "forbidden:filters", "The CRM forbids reading or switching filters"
        REFUSED_READ = "refused:read", "The CRM refuses reads of staged edits"
        REFUSED_NAMES = "refused:names", "The CRM refuses reads of editors’ and companies’ names"
        REFUSED_LIVE = "refused:live", "The CRM refuses reads of live values"
        REFUSED_REVIEW = "refused:review", "The CRM refuses writes of reviewed values"
        REFUSED_AUDIT = "refused:audit", "The CRM refuses reads of its audit log"
        REFUSED_CAPTURE = "refused:capture", "The CRM refuses to stage edits"
        REFUSED_INVENTORY = "refused:inventory", "The CRM refuses reads of users and filters"
        REFUSED_FILTERS = "refused:filters", "The CRM refuses to switch filters"
        WRONG_ORGANIZATION = "wrong_organization", "The connection leads to another CRM"
        SMTP = "smtp", "The mail server does not accept mails"
        SIGN_IN = "sign_in", "The sign-in service does not answer"
        OPERATOR_STOP = "operator_stop", "CRM writes are stopped"

    name = models.CharField(max_length=60, primary_key=True)
    failures = models.PositiveIntegerField(default=0)
    opened_at = models.DateTimeField(null=True, blank=True, db_column="closed_at")
    reason = models.CharField(max_length=300, blank=True)
    asked = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="The request that the CRM refused, without ids.",
    )
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_column="closed_by_id"
    )
    next_probe_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "syncapp_gate"

    def __str__(self) -> str:
        return self.name


class Heartbeat(models.Model):
    """The times at which a part was last asked for a heartbeat and last answered; also the times of nightly jobs."""

    name = models.CharField(max_length=60, primary_key=True)
    asked_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "syncapp_pulse"

    def __str__(self) -> str:
        return self.name
