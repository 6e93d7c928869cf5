"""TODO: syncapp/crm/metadata."""
