"""The WSGI entry for gunicorn: refuses to start where the system checks find an error."""

from __future__ import annotations

import os

from django.core.checks import ERROR, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

from portal import processes

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

processes.become(processes.Kind.WEB)
application = get_wsgi_application()

# Management commands run the checks by themselves; a web server does not.
if found := [str(message) for message in run_checks() if message.level >= ERROR]:
    raise ImproperlyConfigured("\n".join(found))
