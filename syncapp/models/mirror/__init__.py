"""Staged edits and their fields, as read from the CRM."""
