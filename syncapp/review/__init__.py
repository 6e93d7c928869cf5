"""The place where a decision is taken, and where it is delivered to the CRM.

Knows neither HTTP requests nor Celery nor templates.
"""
