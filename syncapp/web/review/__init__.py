"""Screens of reviewing: the queue, an edit, many edits together, links from mails."""
