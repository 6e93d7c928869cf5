"""Celery's start. Redis is only the doorbell; the database rows are the queue (docs/architecture.md)."""

from __future__ import annotations

import os

from celery import Celery

from portal import broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

broker.register()
app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["syncapp"])
