"""Contact changes read from the CRM's audit log, and the results and settings of capture."""
