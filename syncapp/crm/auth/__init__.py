"""TODO: syncapp/crm/auth."""
