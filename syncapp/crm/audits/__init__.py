"""The CRM's audit log: the author and time of each change of a row, with the values before and after."""
