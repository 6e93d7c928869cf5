"""Deciding many edits together: frozen selections, their job, and reasons to decide a field alone."""
