"""Users of the portal (identity in Entra, roles, preferences), and sign-ins that were started."""

from __future__ import annotations

import uuid
from datetime import date
from enum import StrEnum
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone


class Role(StrEnum):
    """The app roles of the `roles` claim. People without a role have no access."""

    VIEWER = "Viewer"
    REVIEWER = "Reviewer"
    FILTER_MANAGER = "FilterManager"
    ADMINISTRATOR = "Administrator"

    @property
    def label(self) -> str:
        """Return the role's name for people."""
        return "Filter manager" if self is Role.FILTER_MANAGER else self.value


ROLE_COLUMNS = {
    Role.VIEWER: "is_viewer",
    Role.REVIEWER: "is_reviewer",
    Role.FILTER_MANAGER: "is_filter_manager",
    Role.ADMINISTRATOR: "is_administrator",
}


class PersonManager(BaseUserManager["Person"]):
    """A manager that finds people by their Entra object id."""

    def get_by_natural_key(self, username: str | None) -> Person:
        """Return the person with this Entra object id."""
        return self.get(oid=username or "")


class Person(AbstractBaseUser):
    """A user of the portal. `oid` identifies them; name and address are for display only."""

    class Notify(models.TextChoices):
        AT_ONCE = "at_once", "Immediately"
        HOURLY = "hourly", "Hourly digest"
        DAILY = "daily", "Daily digest"
        OFF = "off", "Off"

    class Theme(models.TextChoices):
        SYSTEM = "system", "Match device"
        LIGHT = "light", "Light"
        DARK = "dark", "Dark"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    oid = models.UUIDField("Entra object id", unique=True)
    name = models.CharField(max_length=200)
    address = models.CharField(max_length=320, blank=True)
    is_viewer = models.BooleanField(default=False)
    is_reviewer = models.BooleanField(default=False)
    is_filter_manager = models.BooleanField(default=False)
    is_administrator = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    notify = models.CharField(max_length=10, choices=Notify, default=Notify.AT_ONCE)
    time_zone = models.CharField(max_length=64, default="UTC")
    time_zone_chosen = models.BooleanField(default=False, db_default=False)
    locale = models.CharField(max_length=35, blank=True, default="", db_default="")
    letter_keys = models.BooleanField(
        default=True, db_default=True, help_text="Whether single letters are commands on the review page."
    )
    theme = models.CharField(max_length=6, choices=Theme, default=Theme.SYSTEM, db_default=Theme.SYSTEM)
    absent_until = models.DateField(null=True, blank=True, help_text="The last day of the absence.")
    deputy = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    signed_in_at = models.DateTimeField(null=True, blank=True)
    notified_until = models.BigIntegerField(
        null=True,
        blank=True,
        db_column="told_until",
        help_text="When the newest edit for which mails were queued arrived.",
    )

    USERNAME_FIELD = "oid"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    objects: ClassVar[PersonManager] = PersonManager()

    class Meta:
        verbose_name_plural = "people"

    def __str__(self) -> str:
        return self.name

    @property
    def has_time_zone(self) -> bool:
        """Return whether the person has chosen a time zone, rather than the initial UTC."""
        # The previous release sets zones without the flag; any zone but UTC was chosen.
        return self.time_zone_chosen or self.time_zone != "UTC"

    @property
    def color_scheme(self) -> str:
        """Return the color schemes that pages may have, in the form that browsers expect."""
        return "light dark" if self.theme == Person.Theme.SYSTEM else self.theme

    @property
    def is_away(self) -> bool:
        """Return whether the person is away today."""
        return self.is_absent(timezone.localdate())

    def is_absent(self, day: date) -> bool:
        """Return whether the person is away on `day`."""
        return self.absent_until is not None and day <= self.absent_until

    @property
    def roles(self) -> frozenset[Role]:
        """Return the roles from the last sign-in, or before the first those that an administrator gave."""
        return frozenset(role for role, column in ROLE_COLUMNS.items() if getattr(self, column))

    def has_role(self, *roles: Role) -> bool:
        """Return whether the person is active and holds at least one of `roles`."""
        return self.is_active and bool(self.roles & set(roles))


class SignInAttempt(models.Model):
    """A started sign-in: stored on the server, used once, bound to the browser that started it."""

    state = models.CharField(max_length=200, primary_key=True)
    browser = models.CharField(max_length=64)
    flow = models.JSONField()
    next_path = models.CharField(max_length=2000, blank=True)
    started_at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return f"sign-in started at {self.started_at:%H:%M:%S}"
