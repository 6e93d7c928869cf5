"""Changes to the CRM's definitions on behalf of an administrator: tables, columns, keys, roles, solutions.

Only `tenant/setup` uses it; the portal's own application user never has the rights it needs.
"""
