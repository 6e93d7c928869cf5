"""TODO: syncapp/crm/rate_limit."""
