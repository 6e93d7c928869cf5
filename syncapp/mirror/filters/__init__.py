"""CRM to Outlook filters, the access to them, and each user's sync paths."""
