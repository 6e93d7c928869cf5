"""Durable rows of notifications, created in the transaction of what they report."""
