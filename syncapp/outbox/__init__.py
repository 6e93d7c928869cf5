"""Durable rows of notifications, created in the transaction of the event that they report."""
