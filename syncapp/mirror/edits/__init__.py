"""CRM → staged edits: the pull, new and changed rows, search words, live values."""
