"""A process that requests slots: `python -m tests.crm.rate_limit.environment URL LIMITS_JSON once|often SECONDS`.

Prints "held" when it has its first slot. `once` then keeps it for SECONDS; `often` prints, for each
slot of the next SECONDS, when it was requested and when granted.
"""

from __future__ import annotations

import json
import sys
import time

from syncapp.crm.rate_limit.limiter import Lane, Limits
from syncapp.crm.rate_limit.shared import SharedLimiter

ACCOUNT = "https://contoso.example an-application"


def main() -> None:
    url, limits, how, seconds = sys.argv[1:]
    rate_limiter = SharedLimiter(url=url, account=ACCOUNT, limits=Limits(**json.loads(limits)))
    until = time.time() + float(seconds)
    with rate_limiter.slot(lane=Lane.BULK):
        _say("held")
        if how == "once":
            time.sleep(float(seconds))
    while how == "often" and (requested := time.time()) < until:
        with rate_limiter.slot(lane=Lane.BULK):
            _say(f"{requested} {time.time()}")


def _say(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
