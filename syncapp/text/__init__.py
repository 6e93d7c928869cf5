"""TODO: syncapp/text."""
