"""Definitions of the CRM's tables and columns."""
