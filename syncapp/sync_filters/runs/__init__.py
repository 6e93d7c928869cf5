"""Runs that switch filters or set mailbox methods: targets, preparation, items, the job, transitions, undo."""
