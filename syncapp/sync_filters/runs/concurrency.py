"""The number of users that a run works on concurrently: the product of three numbers.

    run ─▶ CONCURRENT_TASKS tasks ─▶ BATCH_SIZE users each ─▶ with the portal's permission: one request for all
                                                            └▶ in the users' names: CONCURRENT_REQUESTS, a user each

The rate limiter (crm/rate_limit) keeps the load below the CRM's limits, so higher numbers only lengthen the wait.
"""

from __future__ import annotations

# The number of users that a task claims together. The CRM has to answer for all of them within HTTP_SECONDS, their
# filters are read in one request (MAX_OWNERS_PER_REQUEST), and if the answer to a shared request is lost, each of its
# users is read again before the next write.
BATCH_SIZE = 10
# Tasks published for a run at each dispatch; a worker takes each as soon as it is free.
CONCURRENT_TASKS = 4
# Each request impersonates one user. One that switches four filters keeps the CRM busy for 0.2 s, so with four tasks
# this many requests use all that the CRM allows.
CONCURRENT_REQUESTS = 4
