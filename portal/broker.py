"""Kombu's Redis transport, patched to raise ConnectionError on closed channels and to reconnect within seconds.

kombu 5.7 acknowledges and returns messages on channels that closed with a lost connection. In about one in four broker
outages under load, this raises an AttributeError, which stops the whole worker; Celery recovers from a ConnectionError.
`register` installs the transport for the schemes of Redis URLs. tests/jobs/test_broker_loss.py fails once kombu no
longer needs the patch; then remove this module and its use in celery.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import kombu
from celery.app.amqp import AMQP as CeleryAMQP
from kombu.transport import TRANSPORT_ALIASES, redis
from redis.exceptions import ConnectionError as ConnectionLost

MAX_RETRY_PAUSE = 3  # seconds between two attempts to reach a broker that is down
_SCHEMES = ("redis", "rediss")


class Channel(redis.Channel):
    """A Redis channel; all its own commands go through `conn_or_acquire`."""

    @contextmanager
    def conn_or_acquire(self, client: Any = None) -> Iterator[Any]:
        """Yield the given client or a new one. Raises ConnectionLost if the channel was closed."""
        if client is None and (self.connection is None or self.connection.client is None):
            raise ConnectionLost("the channel was closed with its connection")
        with super().conn_or_acquire(client) as found:
            yield found


class Transport(redis.Transport):
    """The Redis transport of kombu with our channel."""

    Channel = Channel


class Connection(kombu.Connection):
    """A connection with short pauses between attempts; kombu's own grow to 30 seconds while Redis is down."""

    def ensure_connection(self, *arguments: Any, **options: Any) -> Any:
        """Connect, with retries. Celery has no setting for the pauses between them."""
        return super().ensure_connection(*arguments, **{"interval_start": 1, "interval_max": MAX_RETRY_PAUSE} | options)


class AMQP(CeleryAMQP):
    """The AMQP application class of Celery with our connection."""

    Connection = Connection


def register() -> None:
    """Register the transport for Redis URLs. Call it before the first connection, because kombu caches the lookup."""
    TRANSPORT_ALIASES.update(dict.fromkeys(_SCHEMES, "portal.broker:Transport"))
