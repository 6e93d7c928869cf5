"""The Celery application. Redis only wakes workers; the database rows are the queue (docs/architecture.md)."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

from celery import Celery, Task
from celery.signals import after_setup_logger, beat_init, celeryd_init, task_postrun, task_prerun
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from portal import broker, logs, processes, startup
from syncapp import log_context

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

broker.register()
app = Celery("portal", amqp=broker.AMQP)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["syncapp"])


@after_setup_logger.connect
def _set_log_formatter(*, logger: logging.Logger, format: str, **_: Any) -> None:
    """Give Celery's handlers our formatter, because Celery's own does not escape line breaks."""
    for handler in logger.handlers:
        handler.setFormatter(logs.formatter(settings.LOG_FORMAT, format))


@task_prerun.connect
def _begin_log_context(*, task_id: str, task: Task[Any, Any], **_: Any) -> None:
    """Name the task in each line that it logs."""
    log_context.replace(task=task.name, task_id=task_id)


@task_postrun.connect
def _end_log_context(**_: Any) -> None:
    log_context.replace()


@celeryd_init.connect
@beat_init.connect
def _prepare_process(**_: Any) -> None:
    """Stop a worker or scheduler that has invalid settings; otherwise wait for this version's migrations.

    Raises SystemExit, because Celery only logs other exceptions of a signal receiver. Writes to the original standard
    error, because Celery redirects `sys.stderr` to its log.
    """
    # Before the first database connection; the pool's processes inherit it.
    processes.set_kind(processes.Kind.WORKER)
    try:
        startup.require_valid_configuration()
    except ImproperlyConfigured as error:
        (sys.__stderr__ or sys.stderr).write(f"{error}\n")
        raise SystemExit(1) from error
    startup.wait_for_migrations()
