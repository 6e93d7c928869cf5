"""Celery's start. Redis only wakes workers; the database rows are the queue (docs/architecture.md)."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

from celery import Celery
from celery.signals import after_setup_logger, beat_init, celeryd_init
from django.core.exceptions import ImproperlyConfigured

from portal import broker, processes, startup
from portal.logs import LineFormatter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

broker.register()
app = Celery("portal", amqp=broker.AMQP)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["syncapp"])


@after_setup_logger.connect
def _keep_records_on_their_lines(*, logger: logging.Logger, format: str, **_: Any) -> None:
    """Give the handlers that Celery makes our formatter: its own writes line ends as they are."""
    for handler in logger.handlers:
        handler.setFormatter(LineFormatter(format))


@celeryd_init.connect
@beat_init.connect
def _have_the_limits_of_a_worker(**_: Any) -> None:
    """Come before the first connection to the database; the pool's processes inherit it."""
    processes.set_kind(processes.Kind.WORKER)


@celeryd_init.connect
@beat_init.connect
def _refuse_misconfiguration(**_: Any) -> None:
    """End worker and scheduler where the web processes would not start: they share the rows with them.

    By SystemExit, since Celery logs any other exception of a receiver and goes on; and past its own standard error,
    which goes to its log.
    """
    try:
        startup.require_valid_configuration()
    except ImproperlyConfigured as error:
        (sys.__stderr__ or sys.stderr).write(f"{error}\n")
        raise SystemExit(1) from error


@celeryd_init.connect
@beat_init.connect
def _wait_for_migrations(**_: Any) -> None:
    """Take no work as long as the database is older than this version."""
    startup.wait_for_migrations()
