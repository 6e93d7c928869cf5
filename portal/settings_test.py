"""Settings for tests: those of production, with a fast password hasher and without Redis."""

from __future__ import annotations

from portal.settings import *  # noqa: F403  (the same settings, except for those below)

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
RATE_LIMIT_URL = ""
# Nothing listens there, so that tests cannot reach a running demo; tests with own processes set a broker.
CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
# Scanning all static files for each test client takes longer than most tests.
WHITENOISE_AUTOREFRESH = True
COLUMNS_SECONDS = 0  # tests count statements, and change columns behind the pages
