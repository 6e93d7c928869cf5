"""TODO: syncapp/crm/values."""
