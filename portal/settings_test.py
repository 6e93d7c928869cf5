"""Settings for tests: the production rules with short times and a quick password hasher."""

from __future__ import annotations

from portal.settings import *  # noqa: F403  (the same settings, but for those below)

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
RATE_LIMIT_URL = ""
# Nobody listens there: no test rings in a demo that happens to run; those with processes of their own name a broker.
CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
# Looking through all static files anew for each test client costs more than most tests.
WHITENOISE_AUTOREFRESH = True
