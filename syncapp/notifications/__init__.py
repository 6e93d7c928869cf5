"""Notifications: rules for operators, content, and delivery of the durable rows of `outbox`.

`content` writes a mail when it is sent, from the rows as they are then; `channels` hand it over; `sending` is the job.
"""
