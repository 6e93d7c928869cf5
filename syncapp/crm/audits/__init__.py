"""The CRM's audit log: the author and time of each change to a row, with the values before and after."""
