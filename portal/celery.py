"""Celery's start. Redis is only the doorbell; the database rows are the queue (docs/architecture.md)."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from kombu.transport.redis import Channel
from redis.exceptions import ConnectionError as ConnectionLost

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["syncapp"])

_address = Channel._connparams  # type: ignore[attr-defined]  # the stubs leave out what is private


def _address_unless_closed(channel: Any, asynchronous: bool = False) -> Any:
    """kombu 5.7 acknowledges and gives back messages on channels that closed with a lost connection.

    The AttributeError which that ends in stops the whole worker, in one of four losses of a busy broker; from a lost
    connection Celery recovers. kombu has no public place between the two, and a transport of our own would override the
    same private method.
    """
    if channel.connection is None or channel.connection.client is None:
        raise ConnectionLost("the channel was closed with its connection")
    return _address(channel, asynchronous=asynchronous)


Channel._connparams = _address_unless_closed  # type: ignore[attr-defined]  # the same
