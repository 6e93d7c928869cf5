"""The mirror: reads staged edits, their editors and the contacts' columns from the CRM into our tables.

Writes only columns that the CRM owns; decisions belong to `review`.
"""
