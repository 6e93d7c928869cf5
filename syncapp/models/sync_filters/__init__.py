"""Outlook filters, their users, runs, policies, lists."""
