"""TODO: syncapp/crm/directory."""
