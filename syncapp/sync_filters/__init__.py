"""Outlook synchronization filters: what is known of them, and the place where they are switched."""
