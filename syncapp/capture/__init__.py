"""Capture: Outlook edits found in the CRM's audit log, staged for review, and their originals restored.

It stages by the CRM's own staging tables, so the mirror and the review know nothing of it.
"""
