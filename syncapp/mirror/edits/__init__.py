"""The mirror of staged edits: the pull, new and changed rows, search words, live values."""
