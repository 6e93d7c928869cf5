"""The connection check: one small function for each finding about the company's CRM.

Each finding reports the request, the answer, its meaning and what to do. Checks only read, unless the writing probes
were requested; those read back what they wrote, and restore it.
"""
