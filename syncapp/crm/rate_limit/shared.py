"""A rate limiter shared by all processes, in one Redis script.

Only the clock of Redis counts; setting it back extends neither a pause nor a place. While Redis is down, each process
keeps to its share of the limits, which depends on the number of processes last seen.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.commands.core import Script
from redis.retry import Retry

from syncapp.crm.rate_limit.in_process import PLACE_RETRY_SECONDS, InProcessLimiter
from syncapp.crm.rate_limit.limiter import BaseLimiter, Grant, Lane, LimiterStatus, Limits, Usage
from syncapp.crm.sessions import PerProcess

logger = logging.getLogger(__name__)

# The smallest number of processes that a process assumes while Redis is down. Its share is then two of the usual 18
# requests per second, and four concurrent calls.
ASSUMED_PROCESSES = 9
_PROCESS_SECONDS = 60
# Places still to be freed in Redis: more than a process ever holds.
_MAX_ENDED = 200
# Long enough for a working Redis, and short enough for a page that waits.
_TIMEOUT = 0.25
# The pause before the next attempt after Redis did not answer.
_RETRY_SECONDS = 2.0
# Longer than the longest pause that a 429 can demand.
_TTL_MS = 1_000_000

# KEYS: the account (hash), the places (sorted set: lease -> end), the processes (sorted set: process -> last call).
# ARGV: the limits, the call. Each call first updates the account. If the lease is missing when a call ends, the account
# was lost together with the advance charge, so the whole cost is charged.
_SCRIPT = """
local limits, call = cjson.decode(ARGV[1]), cjson.decode(ARGV[2])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000

local kept = redis.call('HMGET', KEYS[1], 'at', 'requests', 'execution', 'cost', 'paused_until', 'hint',
  'born')
local function number(value, default) return value and tonumber(value) or default end
local elapsed = math.max(0, now - number(kept[1], now))
local requests = math.min(limits.request_burst,
  number(kept[2], limits.request_burst) + elapsed * limits.request_rate)
local execution = math.min(limits.execution_burst,
  number(kept[3], limits.execution_burst) + elapsed * limits.execution_rate)
local cost = number(kept[4], limits.operation_seconds)
local paused_until = math.max(math.min(number(kept[5], 0), now + limits.ttl_ms / 1000), now + (call.pause or 0))
local hint = call.hint or number(kept[6], 0)
local born = math.min(number(kept[7], now), now)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '(' .. string.format('%.6f', now + limits.lease_seconds), '+inf')
for _, lease in ipairs(call.ended) do redis.call('ZREM', KEYS[2], lease) end
redis.call('ZADD', KEYS[3], now, call.process)
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - limits.seen_seconds)

local wait, charged = 0, 0
if call.verb == 'leave' then
  local known = redis.call('ZREM', KEYS[2], call.lease) == 1
  if call.seconds then
    local spent = math.max(call.seconds, call.operations * limits.operation_seconds)
    execution = execution + (known and call.charged or 0) - spent
    cost = cost + 0.2 * (spent / call.operations - cost)
  end
elseif call.verb == 'enter' then
  local places = limits.max_concurrent
  if now < born + limits.settling_seconds then places = math.min(places, limits.places_while_settling) end
  if hint > 0 then places = math.max(1, math.min(places, hint)) end
  local min_requests, min_execution = 1, -limits.execution_burst
  if call.lane == 'bulk' then
    places = math.max(1, places - math.max(1, math.floor(places * limits.reserved_places + 0.5)))
    min_requests = math.min(1 + limits.reserved * limits.request_burst, limits.request_burst)
    min_execution = limits.reserved * limits.execution_burst
  end
  wait = math.max(0, paused_until - now,
    (min_requests - requests) / limits.request_rate,
    (min_execution - execution) / limits.execution_rate)
  if redis.call('ZCARD', KEYS[2]) >= places then wait = math.max(wait, limits.place_wait) end
  if wait == 0 then
    charged = math.min(call.operations * cost, limits.execution_burst)
    requests, execution = requests - 1, execution - charged
    redis.call('ZADD', KEYS[2], now + limits.lease_seconds, call.lease)
  end
end

redis.call('HSET', KEYS[1], 'at', now, 'requests', requests, 'execution', execution, 'cost', cost,
  'paused_until', paused_until, 'hint', hint, 'born', born)
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, limits.ttl_ms) end
return cjson.encode({wait = wait, charged = charged, paused_for = math.max(0, paused_until - now),
  concurrent_calls = redis.call('ZCARD', KEYS[2]), processes = redis.call('ZCARD', KEYS[3]), requests = requests,
  execution = execution})
"""


@dataclass(frozen=True, slots=True)
class _Store:
    client: redis.Redis
    script: Script


class SharedLimiter(BaseLimiter):
    """A rate limiter whose state is shared by all processes with the same `account` (CRM origin and client id)."""

    def __init__(self, *, url: str, account: str, limits: Limits) -> None:
        super().__init__()
        self._address = redis_address(url)
        name = hashlib.sha256(account.encode()).hexdigest()[:16]
        # The braces put all keys into one slot of a Redis cluster.
        self._keys = [f"osync:governor:{{{name}}}:{what}" for what in ("account", "places", "processes")]
        self._total = limits
        self._limits = json.dumps(
            {
                "request_rate": limits.request_rate,
                "request_burst": limits.request_burst,
                "execution_rate": limits.execution_rate,
                "execution_burst": limits.execution_burst,
                "max_concurrent": limits.max_concurrent,
                "reserved": limits.reserved,
                "reserved_places": limits.reserved_places,
                "operation_seconds": limits.operation_seconds,
                "lease_seconds": limits.lease_seconds,
                "place_wait": PLACE_RETRY_SECONDS,
                "settling_seconds": limits.settling_seconds,
                "places_while_settling": limits.places_while_settling,
                "seen_seconds": _PROCESS_SECONDS,
                "ttl_ms": _TTL_MS,
            }
        )
        self._fallback = InProcessLimiter(limits.split(ASSUMED_PROCESSES))
        self._process = PerProcess(lambda: secrets.token_hex(8))
        self._ended: deque[str] = deque(maxlen=_MAX_ENDED)
        self._stores = PerProcess(lambda: _store(self._address))
        self._retry_redis_at = 0.0

    def status(self) -> LimiterStatus:
        """See `RateLimiter`."""
        reply = self._ask(verb="status")
        if reply is None:
            return self._fallback.status()
        return LimiterStatus(
            shared=True,
            paused_for=reply["paused_for"],
            concurrent_calls=reply["concurrent_calls"],
            requests_ready=reply["requests"],
            execution_ready=reply["execution"],
        )

    def close(self) -> None:
        """See `RateLimiter`."""
        self._stores.get().client.close()
        self._stores.drop()

    def enter(self, lane: Lane, operations: int) -> Grant:
        """See `BaseLimiter`."""
        lease = secrets.token_hex(8)
        # A pause known to this process survives the loss of Redis' data.
        pause = self._fallback.paused_for()
        reply = self._ask(verb="enter", lane=lane, operations=operations, lease=lease, pause=pause)
        if reply is None:
            return self._fallback.enter(lane, operations)
        if reply["paused_for"] > pause:
            self._fallback.pause_for(reply["paused_for"])
        self._fallback.set_limits(self._total.split(max(ASSUMED_PROCESSES, reply["processes"])))
        return Grant(reply["wait"], reply["charged"], lease)

    def leave(self, grant: Grant, usage: Usage) -> None:
        """See `BaseLimiter`."""
        if not grant.lease:
            self._fallback.leave(grant, usage)
            return
        if usage.pause:
            self._fallback.pause_for(usage.pause)
        self._ask(
            verb="leave",
            lease=grant.lease,
            charged=grant.charged,
            operations=usage.operations,
            seconds=usage.seconds,
            hint=usage.hint,
            pause=usage.pause,
        )

    def _ask(self, *, lease: str = "", **call: object) -> dict[str, Any] | None:
        """Return the script's answer; None while Redis is down."""
        if self._clock() < self._retry_redis_at:
            self._release_later(lease if call["verb"] == "leave" else "")
            return None
        ended: list[str] = []
        with suppress(IndexError):  # other threads may empty it
            while len(ended) < _MAX_ENDED:
                ended.append(self._ended.popleft())
        call |= {"lease": lease, "ended": ended, "process": self._process.get()}
        arguments = json.dumps({name: value for name, value in call.items() if value is not None})
        try:
            script = self._stores.get().script
            reply: dict[str, Any] = json.loads(script(keys=self._keys, args=[self._limits, arguments]))
        except (redis.RedisError, OSError, ValueError) as error:
            if not self._retry_redis_at:
                logger.warning(
                    "Redis does not answer (%s), so this process limits itself.",
                    type(error).__name__,
                )
            self._retry_redis_at = self._clock() + _RETRY_SECONDS
            # Including the lease of this call, which Redis may have granted although its answer was lost.
            self._release_later(*ended, lease)
            return None
        if self._retry_redis_at:
            logger.info("Redis answers again, so all processes share the CRM's limits.")
            self._retry_redis_at = 0.0
        return reply

    def _release_later(self, *leases: str) -> None:
        self._ended.extend(filter(None, leases))


def redis_address(url: str) -> str:
    """Convert a Redis address from Celery's form to redis-py's, which differs for Unix sockets."""
    if not url.startswith("redis+socket://"):
        return url
    parts = urlsplit(url)
    database = parse_qs(parts.query).get("virtual_host", [""])[0].strip("/")
    return f"unix://{parts.path}" + (f"?db={int(database)}" if database else "")


def _store(address: str) -> _Store:
    # One retry for a connection that a restarted Redis has closed; a timeout is not retried.
    retry = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
    client = redis.Redis.from_url(
        address, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT, retry=retry, health_check_interval=0
    )
    return _Store(client, client.register_script(_SCRIPT))
