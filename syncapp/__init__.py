"""The portal's application: review Outlook edits, manage Outlook synchronization filters."""
