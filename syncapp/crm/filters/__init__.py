"""TODO: syncapp/crm/filters."""
