"""Users of the portal: their roles, notification preferences, absence and deputies.

A Person is created at sign-in with the roles of the tenant, or beforehand by an administrator.
"""
