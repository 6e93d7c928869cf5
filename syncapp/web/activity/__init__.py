"""Screens of the audit log: activity, evidence, numbers."""
