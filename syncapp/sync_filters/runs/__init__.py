"""Runs that switch filters or mailboxes: targets, preparation, frozen items, the job, results, undo."""
