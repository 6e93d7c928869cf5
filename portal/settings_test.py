"""Settings for tests: the normal ones, with a fast password hasher and without Redis."""

from __future__ import annotations

from portal.settings import *  # noqa: F403  (the same settings, except for those below)

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
RATE_LIMIT_URL = ""
# Nothing listens on this port, so tests cannot reach a running demo. Tests that start processes set their own broker.
CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
# Scanning all static files for each test client takes longer than most tests.
WHITENOISE_AUTOREFRESH = True
COLUMNS_SECONDS = 0  # no cache, because tests count statements and change columns directly
