"""The WSGI entry point for gunicorn, which does not start if the system checks find an error."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from portal import processes, startup

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

processes.set_kind(processes.Kind.WEB)
application = get_wsgi_application()

startup.require_valid_configuration()
