"""Screens of the audit log: activity, evidence and numbers."""
