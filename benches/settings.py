"""The portal's settings, with the Django admin, whose list is a reference."""

from __future__ import annotations

from portal.settings import *  # noqa: F403  (the same settings, but for the three below)
from portal.settings import INSTALLED_APPS as PORTAL_APPS

INSTALLED_APPS = [*PORTAL_APPS, "django.contrib.admin"]
ROOT_URLCONF = "benches.urls"
ALLOWED_HOSTS = ["testserver"]
