"""Redis as Celery's broker: a channel that closed with its lost connection says so, and a lost broker is found again
within seconds.

kombu 5.7 acknowledges and gives back messages on channels that closed with a lost connection. The AttributeError which
that ends in stops the whole worker, in one of four losses of a busy broker; from a lost connection Celery recovers.
kombu's way to another behaviour is a transport of one's own under the name in the address (`register`).
tests/jobs/test_broker_loss.py says when kombu no longer needs it: then this module goes, and `register` in celery.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import kombu
from celery.app.amqp import AMQP as CeleryAMQP
from kombu.transport import TRANSPORT_ALIASES, redis
from redis.exceptions import ConnectionError as ConnectionLost

LONGEST_PAUSE = 3  # seconds between two tries to reach a broker that is away
_SCHEMES = ("redis", "rediss")


class Channel(redis.Channel):
    """A channel of Redis; everything that it asks Redis for itself goes through `conn_or_acquire`."""

    @contextmanager
    def conn_or_acquire(self, client: Any = None) -> Iterator[Any]:
        """A client, the given one or a new one. Raises ConnectionLost where the channel was closed."""
        if client is None and (self.connection is None or self.connection.client is None):
            raise ConnectionLost("the channel was closed with its connection")
        with super().conn_or_acquire(client) as found:
            yield found


class Transport(redis.Transport):
    """kombu's own, with that channel."""

    Channel = Channel


class Connection(kombu.Connection):
    """A connection whose pauses between tries stay short: by default they grow to 30 seconds while Redis is away."""

    def ensure_connection(self, *arguments: Any, **options: Any) -> Any:
        """Connect, however often it takes. Celery has no setting for the pauses."""
        return super().ensure_connection(*arguments, **{"interval_start": 1, "interval_max": LONGEST_PAUSE} | options)


class AMQP(CeleryAMQP):
    """Celery's own, with that connection."""

    Connection = Connection


def register() -> None:
    """Let addresses of Redis lead here; before the first connection, since kombu remembers what it found."""
    TRANSPORT_ALIASES.update(dict.fromkeys(_SCHEMES, "portal.broker:Transport"))
