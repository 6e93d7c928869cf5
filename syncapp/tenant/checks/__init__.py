"""The connection check: one small function for each finding about the company's CRM.

Each says what was tried, what came back, what it means and what to do. Nothing is written unless the writing probes
were asked for; those read back and restore.
"""
