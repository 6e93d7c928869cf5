"""The only access to the CRM: a typed client for Dataverse's Web API.

Owns HTTP, OData, tokens, retries and the names of CRM tables. Knows no Django models and no pages.
"""
