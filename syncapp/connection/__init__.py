"""The clients for the CRM and the sign-in service, built from the settings.

Owns the check that the CRM at the configured address is the one that the database mirrors.
"""
