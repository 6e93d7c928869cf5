"""The connection check: one small function for each finding about the company's CRM.

Each reports the request, the answer, its meaning and what to do. Nothing is written unless the writing probes
were requested; those read back and restore.
"""
