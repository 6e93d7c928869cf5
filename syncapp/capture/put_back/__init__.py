"""Putting back what capture restored in a time range: a previewed plan, a job per contact, a result per column.

It writes Outlook's values, after which reviewing treats the edits as never restored: approving keeps, rejecting writes.
"""
