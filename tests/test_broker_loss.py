"""What Celery must see when the broker goes away: a lost connection, from which it recovers."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from kombu.transport.redis import Channel
from redis.exceptions import ConnectionError as ConnectionLost

import portal.celery  # noqa: F401  (puts the answer of a closed channel in place)


@pytest.mark.parametrize("connection", [None, SimpleNamespace(client=None)], ids=["dropped", "closed"])
def test_a_channel_that_was_closed_says_that_its_connection_is_lost(connection: object) -> None:
    channel = Channel.__new__(Channel)
    channel.connection = connection

    with pytest.raises(ConnectionLost):
        channel._get_pool()
