"""A company's CRM as the portal needs it: tables, privileges, and whether they are there.

Knows the client and the settings; knows nothing of review, filters or pages.
"""
