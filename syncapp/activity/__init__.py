"""Reading the audit trail: filtered pages, the facts behind entries, and what happened counted by the day."""
