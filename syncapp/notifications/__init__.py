"""Notifications: operator alerts, contents of mails, and delivery of the jobs in `outbox`.

`content` writes a mail at the moment of sending, `channels` deliver it, and `sending` is the job.
"""
