"""The CRM's audit log: who changed which row when, and the values before and after."""
