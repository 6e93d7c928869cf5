"""The tables and privileges that the portal needs in a company's CRM, their checks and their setup.

Knows the client and the settings; knows nothing of review, filters or pages.
"""
