"""Reads of the audit log: filtered pages, the rows behind entries, and daily counts of events."""
