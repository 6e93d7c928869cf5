"""Capture: contact changes read from the CRM's audit log; Outlook edits are staged, and their originals restored.

It stages in the CRM's own staging tables, so the mirror and the review do not know of it.
"""
