"""The direction in which each field is synchronized with Outlook ("Synchronized fields" in the admin center)."""
