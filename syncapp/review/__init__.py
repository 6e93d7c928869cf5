"""Decisions about edits, and their delivery to the CRM.

Knows neither HTTP requests nor Celery nor templates.
"""
