"""CRM → Outlook filters, the access we have to them, and the sync paths of each user."""
