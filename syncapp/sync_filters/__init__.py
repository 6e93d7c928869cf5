"""Outlook synchronization filters: the inventory of users, runs that switch filters, and policies."""
