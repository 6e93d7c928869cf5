"""Bulk decisions: fixed selections, their job, and reasons to decide a field alone."""
