"""The Django project: settings, URL routes, the Celery application and the WSGI entry point."""

from __future__ import annotations

from portal.celery import app as celery_app

__all__ = ["celery_app"]
