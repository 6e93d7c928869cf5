"""The mirror: reads staged edits, editors, columns, users and Outlook filters from the CRM into our tables.

Writes only columns that the CRM owns; decisions belong to `review`.
"""
