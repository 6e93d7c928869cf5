"""TODO: syncapp/crm/staging."""
