"""Limits that keep requests below the CRM's service protection limits.

`shared` keeps one account for all processes in Redis, `in_process` serves while Redis is away.
"""
