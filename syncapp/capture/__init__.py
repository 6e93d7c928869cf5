"""Capture: contact changes read from the CRM's audit log; Outlook edits are staged, and their originals restored.

Edits are staged in the CRM's own staging tables, so the mirror and the review know nothing of capture.
"""
