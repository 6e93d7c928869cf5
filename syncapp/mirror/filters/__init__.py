"""The mirror of the CRM's Outlook filters, with the access to them and each user's sync paths."""
