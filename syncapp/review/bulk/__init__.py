"""Deciding many edits together: fixed selections, their job, and reasons to decide a field alone."""
