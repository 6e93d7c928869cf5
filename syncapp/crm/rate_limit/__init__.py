"""Rate limiters that keep requests below the CRM's service protection limits.

`shared` keeps one account for all processes in Redis, and `in_process` takes over while Redis is down.
"""
