"""The Django project: settings, routes, Celery's start, the WSGI entry."""

from __future__ import annotations

from portal.celery import app as celery_app

__all__ = ["celery_app"]
