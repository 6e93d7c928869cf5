"""Changes of the CRM's definitions, made for an administrator: tables, columns, keys, roles, solutions.

Only `tenant/setup` uses it; the portal's own application user never holds the rights.
"""
