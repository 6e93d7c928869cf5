"""The list of edits: criteria, search, saved views, pages."""
