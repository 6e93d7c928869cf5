"""Outlook filters, their users, runs, policies and lists."""
