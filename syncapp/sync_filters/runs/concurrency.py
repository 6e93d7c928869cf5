"""The number of users that a run works on at once: three numbers that multiply.

    run ─▶ CONCURRENT_TASKS tasks ─▶ BATCH_SIZE users each ─▶ with the portal's permission: one request for all
                                                            └▶ in the users' names: CONCURRENT_REQUESTS, a user each

The rate limiter (crm/rate_limit) keeps their product below the CRM's limits, so more of them only wait longer.
"""

from __future__ import annotations

# Users that a task claims together. All of them have to be answered within HTTP_SECONDS, their filters are read in one
# request (MAX_OWNERS_PER_REQUEST), and a user of a shared request that was lost is read again before it is written.
BATCH_SIZE = 10
# Tasks published for a run at each dispatch; a worker takes each as soon as it is free.
CONCURRENT_TASKS = 4
# Impersonation is per request. One that switches four filters keeps the CRM busy for 0.2 s: with four tasks enough to
# use all that it allows.
CONCURRENT_REQUESTS = 4
